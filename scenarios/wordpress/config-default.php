<?php
// The site's settings, which Debian's WordPress looks for in /etc/wordpress/config-default.php.
define('DB_HOST', '10.0.0.7');
define('DB_PASSWORD', 'secret');

// No page starts the tasks that are due (cron does), and plugins may call one host only.
define('DISABLE_WP_CRON', true);
define('WP_HTTP_BLOCK_EXTERNAL', true);
define('WP_ACCESSIBLE_HOSTS', '10.0.0.9');
