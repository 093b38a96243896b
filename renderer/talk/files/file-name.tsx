import styles from './file.module.css';

/** A file name whose ending stays in sight however narrow it gets. */
export function FileName({ name }: { name: string }) {
  const dot = name.lastIndexOf('.');
  const cut = dot > 0 && name.length - dot <= 8 ? Math.max(1, dot - 3) : name.length;
  return (
    <span className={styles.fileName} title={name}>
      <span className={styles.stem}>{name.slice(0, cut)}</span>
      <span>{name.slice(cut)}</span>
    </span>
  );
}
