# WordPress, installed, with the PHP-FPM and the MariaDB that it runs on.
#
# What base.Dockerfile says of builders, bases and the single step holds here too.
ARG BASE
FROM ${BASE}

# In one step again:
# - Debian's package of WordPress depends on a web server, Perl and libraries for
#   pictures, 130 MB in all, and so it is unpacked only;
# - MariaDB and WordPress are installed here and not at each start: tables, one
#   administrator, one post. Nothing is sent for that, neither mail nor requests;
# - compiling WordPress takes PHP a quarter of a second for each new server, so
#   that what it compiles for the front page is kept in files, which opcache
#   reads. What a site brings itself (plugins, themes, its config) is compiled
#   at each request.
RUN set -eu; \
    /usr/lib/badgateway/get \
        systemd-standalone-tmpfiles php-fpm php-curl php-mysql mariadb-client-core mariadb-server-core; \
    cd /tmp; \
    download() { apt-get -o APT::Sandbox::User=root download wordpress wordpress-theme-twentytwentythree; }; \
    download || { apt-get update; download; }; \
    for deb in *.deb; do dpkg-deb -x "$deb" /; rm "$deb"; done; \
    rm -r /usr/share/doc/wordpress*; \
    made=/usr/lib/badgateway; \
    mkdir /run/mysqld $made/opcache; \
    printf '%s\n' /etc/wordpress/ /var/lib/wordpress/ /var/www/ > $made/not-kept; \
    printf '%s\n' opcache.file_cache=$made/opcache opcache.file_cache_consistency_checks=0 opcache.validate_timestamps=0 \
        opcache.blacklist_filename=$made/not-kept > /etc/php/8.2/fpm/conf.d/99-kept.ini; \
    mariadb-install-db --no-defaults --datadir=$made/mariadb --auth-root-authentication-method=normal \
        --skip-test-db --innodb-log-file-size=4M; \
    mariadbd --no-defaults --user=root --datadir=$made/mariadb --socket=/run/mysqld/mysqld.sock --skip-networking \
        --innodb-log-file-size=4M & \
    server=$!; \
    until mariadb -e "CREATE DATABASE wordpress; CREATE USER wordpress IDENTIFIED BY 'secret'; GRANT ALL ON wordpress.* TO wordpress"; do \
        kill -0 $server; \
        sleep 0.2; \
    done; \
    echo '<?php define("DB_PASSWORD", "secret");' > /etc/wordpress/config-default.php; \
    echo '<?php \
        $_SERVER["HTTP_HOST"] = $_SERVER["SERVER_NAME"] = "example.com"; \
        $_SERVER["REQUEST_METHOD"] = "GET"; \
        $_SERVER["REQUEST_URI"] = "/"; \
        if ($argv[1] == "show") exit(require "/usr/share/wordpress/index.php"); \
        define("WP_INSTALLING", true); \
        define("WP_SITEURL", "http://example.com"); \
        require "/usr/share/wordpress/wp-load.php"; \
        require ABSPATH . "wp-admin/includes/upgrade.php"; \
        add_filter("pre_http_request", fn () => new WP_Error("no", "no")); \
        add_filter("pre_wp_mail", "__return_true"); \
        wp_install("Shop", "admin", "admin@example.com", true, "", "secret");' | sed 's/\\$//' > install.php; \
    export PHP_INI_SCAN_DIR=/etc/php/8.2/fpm/conf.d; \
    php install.php install; \
    php -d opcache.enable_cli=1 install.php show | grep 'Hello world!'; \
    mariadb -e SHUTDOWN; \
    wait $server; \
    chmod -R a+rX $made; \
    rm install.php /etc/wordpress/config-default.php; \
    ls $made/opcache/*
