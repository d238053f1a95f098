# nginx for the check of a user's config: Debian's, of the release that BASE is,
# with every module that Debian packages. None is loaded unless the config does
# it, so that a config sees what it would see at home.
#
# What base.Dockerfile says of builders, bases and the single step holds here too.
ARG BASE
FROM ${BASE}

# - NGINX is the branch that the release is taken for, such as 1.22. A release that
#   moves, as sid does, may have left it;
# - nginx-extras is where a release builds nginx in several flavours (up to
#   bullseye) the one that has all the others have;
# - what a release lacks, or can't install just now, is done without;
# - geoip-database is the file that configs name in geoip_country, lua-cjson
#   what nearly every Lua program loads.
RUN set -eu; \
    must=nginx; \
    may="nginx-extras geoip-database lua-cjson \
        $(apt-cache pkgnames lua-resty- | sort | tr '\n' ' ') \
        $(apt-cache pkgnames libnginx-mod- | grep -v -e '-dev$' | sort | tr '\n' ' ')"; \
    if apt-get -s install $must $may > /dev/null 2>&1; then \
        must="$must $may"; \
    else \
        for p in $may; do \
            if apt-get -s install $must $p > /dev/null 2>&1; then must="$must $p"; else echo "without $p"; fi; \
        done; \
    fi; \
    /usr/lib/badgateway/get $must; \
    rm -f /etc/nginx/modules-enabled/*; \
    case "$(nginx -v 2>&1)" in \
        *"nginx/${NGINX}."*) ;; \
        *) echo "the release has another nginx than ${NGINX}: $(nginx -v 2>&1)" >&2; exit 1;; \
    esac
