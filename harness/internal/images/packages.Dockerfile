# An image of Debian's packages alone: each kind of backend, and
# each gateway but the first, has one, made when a scenario needs it.
#
# What base.Dockerfile says of builders, bases and the single step holds here too;
# the small systemd-standalone-tmpfiles keeps all of systemd out.
ARG BASE
FROM ${BASE}

RUN set -eu; \
    /usr/lib/badgateway/get systemd-standalone-tmpfiles ${PACKAGES}; \
    ${CHECK}
