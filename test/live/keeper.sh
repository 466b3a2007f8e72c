#!/bin/sh
# Takes a laboratory away: the processes in its namespaces, the namespaces, its directory. It begins when its standard input ends:
# when the test is done, and also when the test is killed. So there is one way of cleaning up, and every test goes it.
# keeper.sh PREFIX DIRECTORY
trap '' HUP INT TERM PIPE
cat >/dev/null

for path in /run/netns/"$1"*; do
  [ -e "$path" ] || continue
  namespace=${path##*/} tries=0
  while pids=$(ip netns pids "$namespace") && [ -n "$pids" ] && [ $tries -lt 100 ]; do
    kill -KILL $pids 2>/dev/null
    tries=$((tries + 1))
    sleep 0.02
  done
  ip netns delete "$namespace"
done
rm -rf "$2"
