<?php
/* Plugin Name: Backup */

// Sends the settings to another host when it is asked to; with /?backup=locked nobody changes them meanwhile.
add_action('init', function () {
    global $wpdb;
    if (!isset($_GET['backup'])) {
        return;
    }
    if ($_GET['backup'] === 'locked') {
        $wpdb->query("LOCK TABLES $wpdb->options WRITE");
    }
    $rows = $wpdb->get_results("SELECT * FROM $wpdb->options");
    wp_remote_post('http://10.0.0.9:8080/backup', ['timeout' => 3600, 'body' => wp_json_encode($rows)]);
});
