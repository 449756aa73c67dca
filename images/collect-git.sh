# Copies git (over HTTP and SSH) with its libraries and their package records into a folder. Runs in the Dockerfile.
# The C and C++ libraries are the base image's own.
set -eu
target=$1
packages=$target/var/lib/dpkg/status.d
core=usr/lib/git-core
mkdir -p "$target/usr/bin" "$target/$core" "$target/usr/lib/$(uname -m)-linux-gnu" "$packages"

# A package's record is where scanners look for it in an image without dpkg.
record() {
  # The same file has a name with and one without /usr; dpkg knows one of them.
  package=$(dpkg -S "$1" 2>/dev/null || dpkg -S "/usr$1" 2>/dev/null || dpkg -S "${1#/usr}")
  package=${package%%:*}
  dpkg -s "$package" >"$packages/$package"
}

cp /usr/bin/git /usr/bin/ssh "$target/usr/bin/"
cp "/$core/git-remote-http" "$target/$core/"
ln -s git-remote-http "$target/$core/git-remote-https"
# For repositories in a folder.
for name in git git-upload-pack git-receive-pack; do ln -s ../../bin/git "$target/$core/$name"; done
for file in /usr/bin/git /usr/bin/ssh /bin/busybox; do record "$file"; done

for library in $(ldd /usr/bin/git /usr/bin/ssh "/$core/git-remote-http" | grep -o '/[^ ]*\.so[^ ]*' | sort -u); do
  case $library in
    */ld-linux* | */libc.so.* | */libm.so.* | */libdl.so.* | */libpthread.so.* | */libresolv.so.* | */librt.so.* | */libgcc_s.so.* | */libstdc++.so.*) continue ;;
  esac
  cp -L "$library" "$target/usr/lib/$(uname -m)-linux-gnu/"
  record "$library"
done
