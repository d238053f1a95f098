# The lab's own image: nginx and Apache httpd as gateways, PHP-FPM and uWSGI as
# real backends, and libfaketime, through which the lab owns the clock. One image
# serves all, as one build is far quicker than several on a fresh machine.
#
# It must build with the classic builder, on a base that comes from a registry
# as well as on one made from packages: so no heredocs, no cache mounts, and
# nothing expected of the base but a configured apt.
ARG BASE
FROM ${BASE}

# All in one step, as the commit of each costs seconds:
# - policy-rc.d keeps an installer from starting its server during the build;
# - the small systemd-standalone-tmpfiles keeps all of systemd out;
# - PHP's installers enable each module with some dozens of processes, ten
#   seconds in all. Without their helper they don't, and the loop below does it;
# - the gateways only tell their version at the end: nginx's test binds port
#   80, which an engine that builds in its own network has no right to;
# - libfaketime gets a path that is the same on every architecture.
RUN set -eu; \
    export DEBIAN_FRONTEND=noninteractive; \
    printf '#!/bin/sh\nexit 101\n' > /usr/sbin/policy-rc.d; \
    chmod 755 /usr/sbin/policy-rc.d; \
    printf '%s\n' force-unsafe-io \
        'path-exclude=/usr/lib/php/php-maintscript-helper' \
        'path-exclude=/usr/share/doc/*' \
        'path-exclude=/usr/share/man/*' > /etc/dpkg/dpkg.cfg.d/lab; \
    apt-get -q -o Acquire::Languages=none update; \
    apt-get -q -y -o Dpkg::Use-Pty=0 install --no-install-recommends \
        apache2-bin libfaketime libnginx-mod-stream nginx php-fpm systemd-standalone-tmpfiles \
        uwsgi-core uwsgi-plugin-python3; \
    cd /etc/php/*/; \
    for ini in /usr/share/php[0-9]*/*/*.ini; do \
        name=$(basename "$ini" .ini); \
        order=$(sed -n 's/^; priority=//p' "$ini"); \
        cp "$ini" mods-available/; \
        for sapi in cli fpm; do \
            ln -s "$PWD/mods-available/$name.ini" "$sapi/conf.d/${order:-20}-$name.ini"; \
        done; \
    done; \
    ln -s php-fpm"${PWD##*/}" /usr/sbin/php-fpm; \
    install -D -m 644 /usr/lib/*/faketime/libfaketime.so.1 /usr/lib/badgateway/libfaketime.so.1; \
    apt-get clean; \
    rm -rf /var/lib/apt/lists/* /var/log/apt /var/log/dpkg.log; \
    apache2 -v; nginx -v; php-fpm -t; uwsgi --version
