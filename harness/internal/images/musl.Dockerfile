# libfaketime for gateways whose libc is musl, which load none that was built for
# glibc. It is compiled from Debian's source, and all that this takes is removed
# again: what remains is the library.
#
# What base.Dockerfile says of builders and bases holds here too.
ARG BASE
FROM ${BASE}

# Those parts of libfaketime are left out that name glibc's own versions of a
# function: the waits of threads and the kernel's timers, neither of which nginx
# uses. What nginx asks for, clock_gettime, gettimeofday, time and the limit of
# epoll_wait, is in.
RUN set -eu; \
    uri=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' | grep -v security | head -n 1); \
    echo "deb-src $uri bookworm main" > /etc/apt/sources.list.d/source.list; \
    apt-get update; \
    /usr/lib/badgateway/get gcc libc6-dev musl-tools; \
    mkdir /src; \
    cd /src; \
    apt-get source --download-only --tar-only faketime; \
    tar -x --strip-components=1 -f faketime_*.orig.tar.*; \
    musl-gcc -std=gnu99 -O2 -fPIC -shared -pthread -DFAKE_SLEEP -DFAKE_STAT -DFAKE_INTERNAL_CALLS \
        -DPREFIX='"/usr"' -DLIBDIRNAME='"/lib"' -Wl,-soname,libfaketime.so.1 \
        -o /usr/lib/badgateway/libfaketime.so.1 src/libfaketime.c; \
    cd /; \
    apt-get purge --auto-remove gcc libc6-dev musl-tools; \
    rm -r /src /etc/apt/sources.list.d/source.list
