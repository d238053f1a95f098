# The lab's own image: nginx as the gateway, PHP-FPM as a real backend, and
# libfaketime, through which the lab owns the clock. One image serves both, as
# one build is far quicker than two on a fresh machine.
#
# It must build with the classic builder, on a base that comes from a registry
# as well as on one made from packages: so no heredocs, no cache mounts, and
# nothing expected of the base but a configured apt.
ARG BASE
FROM ${BASE}

# A package's installer must not start its server during the build (policy-rc.d
# says no). libfaketime is copied to a path that is the same on every
# architecture. All in one layer: the builder's commit of each costs seconds.
RUN set -eu; \
    export DEBIAN_FRONTEND=noninteractive; \
    printf '#!/bin/sh\nexit 101\n' > /usr/sbin/policy-rc.d; \
    chmod 755 /usr/sbin/policy-rc.d; \
    apt-get -q -o Acquire::Languages=none update; \
    apt-get -q -y -o Dpkg::Use-Pty=0 -o DPkg::Options::=--force-unsafe-io \
        install --no-install-recommends \
        libfaketime libnginx-mod-stream nginx php-fpm; \
    install -D -m 644 /usr/lib/*/faketime/libfaketime.so.1 /usr/lib/badgateway/libfaketime.so.1; \
    ln -s "$(ls -d /usr/sbin/php-fpm8* | head -n 1)" /usr/sbin/php-fpm; \
    apt-get clean; \
    rm -rf /var/lib/apt/lists/* /var/log/apt /var/log/dpkg.log
