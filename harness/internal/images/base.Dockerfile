# What all other images stand on: Debian with its package lists, and libfaketime,
# through which the lab owns the clock. It is made once, as fetching and reading the
# lists takes as long as installing a server.
#
# It must build with the classic builder, on a base that comes from a registry
# as well as on one made from packages: so no heredocs, no cache mounts, and
# nothing expected of the base but a configured apt.
ARG BASE
FROM ${BASE}

# All in one step, as the commit of each costs seconds, an ARG's too: what stands in
# braces is filled in before the engine sees it.
# - VALID is whether lists that are out of date are refused: an old release's are,
#   and those of sid on a mirror that lags;
# - policy-rc.d keeps an installer from starting its server during the build;
# - get installs packages; where the mirror no longer has what the lists name, it
#   fetches them anew. It leaves apt's second cache, which spares reading the lists;
# - libfaketime gets a path that is the same on every architecture.
RUN set -eu; \
    mkdir /usr/lib/badgateway; \
    printf '#!/bin/sh\nexit 101\n' > /usr/sbin/policy-rc.d; \
    printf '%s\n' '#!/bin/sh' 'export DEBIAN_FRONTEND=noninteractive' \
        'apt-get install "$@" || { apt-get update && apt-get install "$@"; } || exit' \
        'rm -rf /var/cache/apt/archives/*.deb /var/cache/apt/pkgcache.bin /var/log/apt /var/log/dpkg.log' > /usr/lib/badgateway/get; \
    chmod 755 /usr/sbin/policy-rc.d /usr/lib/badgateway/get; \
    printf '%s\n' force-unsafe-io 'path-exclude=/usr/share/doc/*' 'path-exclude=/usr/share/man/*' > /etc/dpkg/dpkg.cfg.d/lab; \
    printf '%s;\n' 'quiet "1"' 'APT::Get::Assume-Yes "true"' 'APT::Install-Recommends "false"' 'Dpkg::Use-Pty "false"' \
        'Acquire::Languages "none"' 'Acquire::GzipIndexes "true"' "Acquire::Check-Valid-Until \"${VALID}\"" > /etc/apt/apt.conf.d/lab; \
    apt-get update; \
    /usr/lib/badgateway/get libfaketime; \
    cp /usr/lib/*/faketime/libfaketime.so.1 /usr/lib/badgateway/libfaketime.so.1
