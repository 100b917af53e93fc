const { emitWarning } = process;
// Node 22 says that it is experimental, to every user. Nothing else runs between these lines.
process.emitWarning = () => {};
const sqlite = process.getBuiltinModule('node:sqlite');
process.emitWarning = emitWarning;

/** SQLite, as it comes with Node. */
export const DatabaseSync = sqlite.DatabaseSync;
export type DatabaseSync = InstanceType<typeof DatabaseSync>;
