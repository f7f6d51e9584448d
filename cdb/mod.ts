/** The room's door: reader, maker and cached file of constant databases. */
export { fromLatin1, latin1 } from "./bytes.ts";
export { CachedCdb } from "./cached.ts";
export { CdbTooLarge, makeCdb } from "./maker.ts";
export { CdbError, cdbHash, CdbReader } from "./reader.ts";
