#!/bin/bash
# Makes what QEMU boots: Debian's cloud kernel, and an initramfs of busybox, iproute2, ethtool and the kernel's tunnel modules.
#     image.sh FOLDER INIT [FILE ...]    FOLDER/vmlinuz and FOLDER/initramfs; INIT becomes /init, each FILE lies beside it
#     image.sh                           only fetches the kernel
# The kernel stays in $SPANGATE_CACHE (~/.cache/spangate): its package is fetched by apt-get once, or taken from PACKAGES=DIR.
# Exit status 69: something is not here, and standard error says what. Needs no root.
set -euo pipefail
cache=${SPANGATE_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/spangate}/kernel
PATH=$PATH:/usr/sbin:/sbin

unavailable() { echo "$1" >&2; exit 69; }
needs=(qemu-system-x86_64:qemu-system-x86 busybox:busybox-static ip:iproute2 tc:iproute2 ethtool:ethtool cpio:cpio
  depmod:kmod modprobe:kmod dpkg:dpkg apt-get:apt)
absent=()
for need in "${needs[@]}"; do command -v "${need%%:*}" >/dev/null || absent+=("${need##*:}"); done
[ ${#absent[@]} = 0 ] || unavailable "not installed: ${absent[*]}"
[ "$(dpkg --print-architecture)" = amd64 ] || unavailable "the guest is amd64, and takes its programs from the host"

kernel() { find "$cache" -mindepth 1 -maxdepth 1 -name '[0-9]*' 2>/dev/null | sort -V | tail -1; }
if [ -z "$(kernel)" ] || [ -n "${PACKAGES:-}" ]; then
  mkdir -p "$cache"
  fetched=$(mktemp -d "$cache/fetched.XXXXXX")
  trap 'rm -rf "$fetched"' EXIT
  if [ -n "${PACKAGES:-}" ]; then
    cp "$PACKAGES"/linux-image-[0-9]*-cloud-amd64_*.deb "$fetched"
  else
    package=$({ apt-cache depends linux-image-cloud-amd64 2>/dev/null || true; } | awk '/Depends: linux-image/ && !name { name = $2 } END { print name }')
    [ -n "$package" ] || unavailable "apt does not know linux-image-cloud-amd64: Debian, and apt-get update"
    echo "fetching $package" >&2
    (cd "$fetched" && apt-get download -qq -o APT::Sandbox::User=root -o Acquire::Retries=1 -o Acquire::http::Timeout=20 "$package" >&2) ||
      unavailable "$package cannot be fetched"
  fi
  dpkg -x "$fetched"/linux-image-*.deb "$fetched/package"
  version=$(basename "$fetched"/package/lib/modules/*)
  depmod -b "$fetched/package" "$version"
  rm -rf "${cache:?}/$version"
  mv "$fetched/package" "$cache/$version"
  rm -rf "$fetched"
fi
[ $# = 0 ] && exit

out=$1 init=$2
shift 2
package=$(kernel)
version=$(basename "$package")
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
mkdir -p "$root"/{bin,proc,sys,dev,sbin,lib/modules}
for program in busybox ip tc ethtool; do
  file=$(command -v "$program")
  cp -L "$file" "$root/$([ $program = busybox ] && echo bin || echo sbin)/"
  { ldd "$file" 2>/dev/null || true; } | { grep -o '/[^ ]*' || true; } | while read -r lib; do cp -L --parents "$lib" "$root"; done
done
modules=(virtio_pci virtio_net 8021q gre ip_gre ip6_gre vxlan geneve sch_ingress cls_matchall cls_flower act_mirred act_vlan)
for module in "${modules[@]}"; do
  modprobe -d "$package" -S "$version" --show-depends "$module" | awk '$1 == "insmod" { print $2 }'
done | awk '!seen[$0]++' | while read -r file; do
  cp "$file" "$root/lib/modules/"
  echo "/lib/modules/$(basename "$file")"
done >"$root/modules"
cp "$init" "$root/init"
chmod +x "$root/init"
for file; do cp "$file" "$root/"; done
mkdir -p "$out"
cp "$package/boot/vmlinuz-$version" "$out/vmlinuz"
(cd "$root" && find . | cpio -o -H newc --quiet | gzip -1) >"$out/initramfs"
