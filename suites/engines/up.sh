#!/bin/bash
# up.sh DIR ROOT COMMAND...: runs a container engine in the root file system ROOT, in mounts and a network of its own, so that
# it shares nothing with the machine's engine but the kernel. DIR is the engine's own: its socket, its data, its log.
# It ends with its standard input, and with it all that it started.
set -eu
dir=$1 root=$2
shift 2
mkdir -p "$dir/data"
export dir root
exec unshare --mount --pid --fork --kill-child --propagation private bash -euc '
mount --bind "$root" "$root"
mount --rbind /dev "$root/dev"
mount -t proc proc "$root/proc"
mount --rbind /sys "$root/sys"
mount -t tmpfs tmpfs "$root/run"
mount -t tmpfs tmpfs "$root/tmp"
mkdir -p "$root/engine" "$root/old"
mount --bind "$dir" "$root/engine"
cat /etc/resolv.conf > "$root/etc/resolv.conf"
cd "$root"
pivot_root . old
umount -l /old
# The network is that of a program: no rule and no bridge of the machine is touched.
unshare --net bash -euc "
touch /run/apart
while test ! -e /run/online; do sleep 0.05; done
ip link set lo up
echo 1 > /proc/sys/net/ipv4/ip_forward
exec \"\$@\"" engine "$@" > /engine/log 2>&1 < /dev/null &
engine=$!
# Until it is apart, its network is that of the machine, which would get the device.
while test ! -e /run/apart; do sleep 0.05; done
slirp4netns --configure --mtu=65520 --disable-host-loopback --ready-fd=3 $engine tap0 3> /run/online.new > /dev/null 2>&1 < /dev/null &
while test ! -s /run/online.new; do sleep 0.05; done
touch /run/online
cat > /dev/null
' up "$@"
