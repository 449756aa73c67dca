declare module 'cluster-key-slot' {
  /** The hash slot of a key, 0 to 16383, by its hash tag where it has one. */
  export default function keySlot(key: string): number;
}
