<?php
/* Plugin Name: Shop */

// Asks another service for the price, and does not wait for it for long.
add_action('wp_footer', function () {
    $answer = wp_remote_get('http://10.0.0.9:8080/price', ['timeout' => 1]);
    echo '<p>tea costs ', is_wp_error($answer) ? 'what we tell you soon' : wp_remote_retrieve_body($answer), "</p>\n";
});
