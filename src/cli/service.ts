// The service manager that has started a command, if one has.

import { ServiceManager } from "../control/service-manager.js";
import { NotifySocket } from "../linux/index.js";

/** Undefined when nobody wants to be told. @throws SpangateError of a NOTIFY_SOCKET at which nobody is */
export function managerOf(environment: NodeJS.ProcessEnv): ServiceManager | undefined {
  const { NOTIFY_SOCKET } = environment;
  if (NOTIFY_SOCKET === undefined || NOTIFY_SOCKET === "") return undefined;
  return new ServiceManager(NotifySocket.connect(NOTIFY_SOCKET), environment);
}
