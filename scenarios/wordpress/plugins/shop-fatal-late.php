<?php
/* Plugin Name: Shop */

// An update that lists all goods, and then calls a function which only another plugin brings.
add_action('wp_footer', function () {
    for ($i = 1; $i <= 300; $i++) {
        echo "<p>tea number $i costs 3</p>\n";
    }
    echo '<p>all of it costs ', shop_total(), "</p>\n";
});
