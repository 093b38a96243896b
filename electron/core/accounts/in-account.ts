import { forAccount } from '../last-resort.ts';

type Call = (...given: unknown[]) => unknown;

/** Whether a class has methods, by its prototype. */
const classes = new WeakMap<object, boolean>([[Object.prototype, false]]);

const ownMethod = (holder: object): boolean =>
  Object.entries(Object.getOwnPropertyDescriptors(holder)).some(
    ([name, { value }]) => typeof value === 'function' && name !== 'constructor',
  );

const classHasMethods = (prototype: object | null): boolean => {
  if (prototype === null) return false;
  const known = classes.get(prototype);
  if (known !== undefined) return known;
  const has = ownMethod(prototype) || classHasMethods(Object.getPrototypeOf(prototype) as object | null);
  classes.set(prototype, has);
  return has;
};

/** What has methods and is no value of the language's own. */
const isActing = (value: unknown): value is object =>
  typeof value === 'object' &&
  value !== null &&
  !(value instanceof Promise || value instanceof Error || ArrayBuffer.isView(value) || Array.isArray(value)) &&
  !(value instanceof Map || value instanceof Set || value instanceof Date) &&
  (ownMethod(value) || classHasMethods(Object.getPrototypeOf(value) as object | null));

/**
 * A provider as the core uses it: whatever is called on it, on its operation sets, transfers and offers, and whatever they call of what
 * they were given, runs in the name of the account (`forAccount`). So an error in a timer, socket or promise that a command
 * begins belongs to the account as one does that the provider begins by itself. The same object always has the same face.
 *
 * @example const provider = inAccount(id, protocol.create(context));
 */
export const inAccount = <Target extends object>(accountId: string, target: Target): Target => {
  const faces = new WeakMap<object, object>();

  const faceOf = (value: unknown): unknown => {
    // of one kind throughout
    if (Array.isArray(value)) return isActing(value[0]) ? value.map(faceOf) : value;
    if (isActing(value)) return face(value);
    // an offer is plain, and its transfer is not
    if (typeof value !== 'object' || value === null || Object.getPrototypeOf(value) !== Object.prototype) return value;
    const members = Object.entries(value);
    return members.some(([, member]) => isActing(member))
      ? Object.fromEntries(members.map(([name, member]) => [name, faceOf(member)]))
      : value;
  };

  /** What the provider is given to call. */
  const listening =
    (listener: Call): Call =>
    (...given) =>
      forAccount(accountId, () => listener(...given.map(faceOf)));

  const face = (acting: object): object => {
    const known = faces.get(acting);
    if (known) return known;
    const methods = new WeakMap<Call, Call>();
    const made = new Proxy(acting, {
      // with itself in the place of `this`: private fields are of the object, not of its face
      get: (owner, name) => {
        const value: unknown = Reflect.get(owner, name, owner);
        if (typeof value !== 'function') return faceOf(value);
        const original = value as Call;
        const method =
          methods.get(original) ??
          ((...given: unknown[]): unknown => {
            const passed = given.map((each) => (typeof each === 'function' ? listening(each as Call) : each));
            return faceOf(forAccount(accountId, () => Reflect.apply(original, owner, passed)));
          });
        methods.set(original, method);
        return method;
      },
      set: (owner, name, value) =>
        Reflect.set(owner, name, typeof value === 'function' ? listening(value as Call) : value, owner),
    });
    faces.set(acting, made);
    return made;
  };

  return face(target) as Target;
};
