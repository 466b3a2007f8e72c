#!/bin/busybox sh
# /init of the guest that takes delivered frames out of their tunnels. Frames arrive at eth0; what comes out of the tunnel
# devices leaves by eth1. The devices are made by /devices (ip -batch), what is let out of them is in /filters (tc -batch).
set -e
/bin/busybox --install -s /bin
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev
trap 'echo SPANGATE-FAILED; poweroff -f' EXIT
# Nobody has to end a guest whose test was killed.
(sleep 300; poweroff -f) &
while read -r module; do insmod "$module"; done </modules

# The guest itself says nothing on eth1, and loses nothing by itself.
echo 1 >/proc/sys/net/ipv6/conf/default/disable_ipv6
echo 1 >/proc/sys/net/ipv6/conf/all/disable_ipv6
echo 0 >/proc/sys/net/ipv6/conf/eth0/disable_ipv6
echo 65536 >/proc/sys/net/core/netdev_max_backlog
/sbin/ip -batch - <<'LINES'
link set lo up
link add link eth0 name eth0.9 type vlan id 9
link set eth0 up
link set eth0.9 up
addr add 203.0.113.2/24 dev eth0
addr add 198.51.100.2/24 dev eth0.9
addr add 2001:db8:ff::2/64 dev eth0 nodad
link set eth1 arp off mtu 9600 up
LINES
# In place of fq_codel, which drops and interleaves.
/sbin/tc qdisc add dev eth1 root pfifo limit 65536
/sbin/ip -batch /devices
/sbin/tc -batch /filters
# Receive offload would merge segments.
for device in eth0 $(cd /sys/class/net && echo tun*); do /sbin/ethtool -K "$device" gro off; done

echo SPANGATE-READY
# Asked for by a line: what every device received and refused.
while read -r line; do
  cat /proc/net/dev
  echo SPANGATE-COUNTED
done
