// The package's version, for `--version` and for the files we write.

/** As in package.json, which a test compares: a browser has no file to read it from. */
export const VERSION = "0.1.0";
