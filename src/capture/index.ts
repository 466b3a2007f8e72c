// Capture files: what the rest of Spangate may use.
export * from "./reader.js";
export * from "./memory.js";
