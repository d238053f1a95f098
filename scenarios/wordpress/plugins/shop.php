<?php
/* Plugin Name: Shop */

// Says at the end of each page what tea costs.
add_action('wp_footer', function () {
    echo "<p>tea costs 3</p>\n";
});
