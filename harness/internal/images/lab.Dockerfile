# The lab's own image: nginx and Apache httpd as gateways, PHP-FPM and uWSGI as
# real backends. One image serves all, as one build is far quicker than several on
# a fresh machine.
#
# What base.Dockerfile says of builders, bases and the single step holds here too.
ARG BASE
FROM ${BASE}

# - the small systemd-standalone-tmpfiles keeps all of systemd out;
# - PHP's installers enable each module with some dozens of processes, ten
#   seconds in all. Without their helper they don't, and the loop below does it;
# - the gateways only tell their version at the end: nginx's test binds port
#   80, which an engine that builds in its own network has no right to.
RUN set -eu; \
    echo path-exclude=/usr/lib/php/php-maintscript-helper > /etc/dpkg/dpkg.cfg.d/php; \
    /usr/lib/badgateway/get \
        apache2-bin libnginx-mod-stream nginx php-fpm systemd-standalone-tmpfiles \
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
    apache2 -v; nginx -v; php-fpm -t; uwsgi --version
