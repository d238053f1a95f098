<?php
/* Plugin Name: Gallery */

add_shortcode('gallery', function () {
    return '<p>pictures of tea</p>';
});
