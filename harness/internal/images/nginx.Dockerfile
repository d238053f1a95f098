# nginx for the check of a user's config: Debian's, of the release that BASE is,
# with every module that Debian packages. None is loaded unless the config does
# it, so that a config sees what it would see at home.
#
# What lab.Dockerfile says of builders and bases holds here too.
ARG BASE
FROM ${BASE}

# The branch of nginx that the release is taken for, such as 1.22. A release
# that moves, as sid does, may have left it.
ARG NGINX

# All in one step, as the commit of each costs seconds:
# - the mirror's lists may be out of date: it is an old nginx that is asked for,
#   or sid, whose mirrors lag;
# - nginx-extras is where a release builds nginx in several flavours (up to
#   bullseye) the one that has all the others have;
# - what a release lacks, or can't install just now, is done without;
# - geoip-database is the file that configs name in geoip_country, lua-cjson
#   what nearly every Lua program loads.
RUN set -eu; \
    export DEBIAN_FRONTEND=noninteractive; \
    printf '#!/bin/sh\nexit 101\n' > /usr/sbin/policy-rc.d; \
    chmod 755 /usr/sbin/policy-rc.d; \
    printf '%s\n' force-unsafe-io \
        'path-exclude=/usr/share/doc/*' \
        'path-exclude=/usr/share/man/*' > /etc/dpkg/dpkg.cfg.d/lab; \
    apt-get -q -o Acquire::Languages=none -o Acquire::Check-Valid-Until=false update; \
    get() { apt-get -q -y -o Dpkg::Use-Pty=0 --no-install-recommends "$@"; }; \
    must='libfaketime nginx'; \
    may="nginx-extras geoip-database lua-cjson \
        $(apt-cache pkgnames lua-resty- | sort | tr '\n' ' ') \
        $(apt-cache pkgnames libnginx-mod- | grep -v -e '-dev$' | sort | tr '\n' ' ')"; \
    if get -s install $must $may > /dev/null 2>&1; then \
        must="$must $may"; \
    else \
        for p in $may; do \
            if get -s install $must $p > /dev/null 2>&1; then must="$must $p"; else echo "without $p"; fi; \
        done; \
    fi; \
    get install $must; \
    rm -f /etc/nginx/modules-enabled/*; \
    install -D -m 644 /usr/lib/*/faketime/libfaketime.so.1 /usr/lib/badgateway/libfaketime.so.1; \
    apt-get clean; \
    rm -rf /var/lib/apt/lists/* /var/log/apt /var/log/dpkg.log; \
    case "$(nginx -v 2>&1)" in \
        *"nginx/$NGINX."*) ;; \
        *) echo "the release has another nginx than $NGINX: $(nginx -v 2>&1)" >&2; exit 1;; \
    esac
