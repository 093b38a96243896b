export type PackageGroup = 'servers' | 'peers' | 'display';

export const GROUPS: Readonly<Record<PackageGroup, readonly (string | readonly string[])[]>>;
export const QUIET: string;
export function missing(group: PackageGroup): string[];
export function installCommand(group: PackageGroup): string | undefined;
export function install(
  group: PackageGroup,
):
  | { readonly ok: true }
  | { readonly ok: false; readonly missing: readonly string[]; readonly reason: string; readonly command?: string };
