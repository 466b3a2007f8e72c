#!/bin/bash
# Runs a program beside a systemd of its own, with folders of its own for units and in /run: what is changed there is gone with it.
# As `unshare --mount --pid --fork --kill-child --mount-proc --cgroup in-systemd.sh PROGRAM ARGUMENTS`.
set -e
mount -t tmpfs tmpfs /run
mount -t tmpfs tmpfs /etc/systemd/system
mkdir -p /run/systemd/system /run/user/0 /run/bin
export XDG_RUNTIME_DIR=/run/user/0 HOME=/run/user/0 SYSTEMD_UNIT_PATH=/etc/systemd/system:
# A user's manager takes no more than this, and answers as the machine's does.
printf '#!/bin/sh\nexec %s --user "$@"\n' "$(command -v systemctl)" > /run/bin/systemctl
chmod +x /run/bin/systemctl
export PATH=/run/bin:$PATH
/usr/lib/systemd/systemd --user > /run/log 2>&1 < /dev/null &
for _ in $(seq 100); do
  case $(systemctl is-system-running 2> /dev/null) in running | degraded) exec "$@" ;; esac
  sleep 0.1
done
cat /run/log >&2
exit 1
