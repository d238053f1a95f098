# An image of Debian's packages alone, with libfaketime: each kind of backend, and
# each gateway but the first, has one, made when a scenario needs it.
#
# What lab.Dockerfile says of builders, bases and the single step holds here too.
ARG BASE
FROM ${BASE}

ARG PACKAGES
ARG CHECK
RUN set -eu; \
    export DEBIAN_FRONTEND=noninteractive; \
    printf '#!/bin/sh\nexit 101\n' > /usr/sbin/policy-rc.d; \
    chmod 755 /usr/sbin/policy-rc.d; \
    printf '%s\n' force-unsafe-io \
        'path-exclude=/usr/share/doc/*' \
        'path-exclude=/usr/share/man/*' > /etc/dpkg/dpkg.cfg.d/lab; \
    apt-get -q -o Acquire::Languages=none update; \
    apt-get -q -y -o Dpkg::Use-Pty=0 install --no-install-recommends \
        libfaketime systemd-standalone-tmpfiles $PACKAGES; \
    install -D -m 644 /usr/lib/*/faketime/libfaketime.so.1 /usr/lib/badgateway/libfaketime.so.1; \
    apt-get clean; \
    rm -rf /var/lib/apt/lists/* /var/log/apt /var/log/dpkg.log; \
    sh -c "$CHECK"
