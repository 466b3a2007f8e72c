// What is done when this process goes, whatever way it goes, short of SIGKILL: namespaces and folders are not left behind.

const SIGNALS = { SIGHUP: 1, SIGINT: 2, SIGTERM: 15 } as const;
const tasks: (() => void)[] = [];

/** The last that was asked for is done first. */
export function whenLeaving(task: () => void): void {
  if (tasks.length === 0) {
    process.on("exit", leave);
    for (const [signal, number] of Object.entries(SIGNALS))
      process.on(signal, () => process.exit(128 + number));
  }
  tasks.push(task);
}

function leave(): void {
  for (let task = tasks.pop(); task !== undefined; task = tasks.pop()) {
    try {
      task();
    } catch (error) {
      console.error(error);
    }
  }
}
