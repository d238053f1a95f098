<?php
// A theme that is well without the styles and scripts of WordPress' own.
add_action('after_setup_theme', function () {
    add_theme_support('title-tag');
    remove_action('wp_enqueue_scripts', 'wp_enqueue_global_styles');
    remove_action('wp_footer', 'wp_enqueue_global_styles', 1);
    remove_action('wp_head', 'print_emoji_detection_script', 7);
});
add_action('wp_enqueue_scripts', function () {
    wp_dequeue_style('wp-block-library');
    wp_dequeue_style('classic-theme-styles');
}, 100);
