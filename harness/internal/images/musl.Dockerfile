# libfaketime for gateways whose libc is musl, which load none that was built for
# glibc. It is compiled from Debian's source, and all that this takes is removed
# again: what remains is the library.
#
# What lab.Dockerfile says of builders and bases holds here too.
ARG BASE
FROM ${BASE}

# Those parts of libfaketime are left out that name glibc's own versions of a
# function: the waits of threads and the kernel's timers, neither of which nginx
# uses. What nginx asks for, clock_gettime, gettimeofday, time and the limit of
# epoll_wait, is in.
RUN set -eu; \
    export DEBIAN_FRONTEND=noninteractive; \
    printf '%s\n' force-unsafe-io \
        'path-exclude=/usr/share/doc/*' \
        'path-exclude=/usr/share/man/*' > /etc/dpkg/dpkg.cfg.d/lab; \
    apt-get -q -o Acquire::Languages=none update; \
    uri=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' | grep -v security | head -n 1); \
    echo "deb-src $uri bookworm main" > /etc/apt/sources.list.d/source.list; \
    apt-get -q -o Acquire::Languages=none update; \
    apt-get -q -y -o Dpkg::Use-Pty=0 install --no-install-recommends gcc libc6-dev musl-tools; \
    mkdir /src /usr/lib/badgateway; \
    cd /src; \
    apt-get -q source --download-only --tar-only faketime; \
    tar -x --strip-components=1 -f faketime_*.orig.tar.*; \
    musl-gcc -std=gnu99 -O2 -fPIC -shared -pthread -DFAKE_SLEEP -DFAKE_STAT -DFAKE_INTERNAL_CALLS \
        -DPREFIX='"/usr"' -DLIBDIRNAME='"/lib"' -Wl,-soname,libfaketime.so.1 \
        -o /usr/lib/badgateway/libfaketime.so.1 src/libfaketime.c; \
    cd /; \
    apt-get -q -y -o Dpkg::Use-Pty=0 purge --auto-remove gcc libc6-dev musl-tools; \
    apt-get clean; \
    rm -rf /src /etc/apt/sources.list.d/source.list /var/lib/apt/lists/* /var/log/apt /var/log/dpkg.log
