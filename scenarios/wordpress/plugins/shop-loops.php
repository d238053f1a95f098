<?php
/* Plugin Name: Shop */

// An update with a loop whose condition never comes true.
add_action('init', function () {
    for ($i = 0; $i >= 0; $i = ($i + 1) % 1000) {
    }
});
