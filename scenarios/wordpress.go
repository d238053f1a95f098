package scenarios

import (
	"maps"
	"time"

	"github.com/badgateway/badgateway/fakeupstream"
	"github.com/badgateway/badgateway/harness/backend"
	"github.com/badgateway/badgateway/harness/fault"
	"github.com/badgateway/badgateway/harness/lab"
	"github.com/badgateway/badgateway/harness/scenario"
)

// wordpress is what a plugin, a theme or the database does to a WordPress, and what the visitor sees of it.
var wordpress = []scenario.Scenario{
	pluginFatal(), pluginFatalLate(), pluginFatalLogin(), pluginLoops(), pluginWaits(), pluginTerminated(), pluginMemory(), pluginCalls(),
	pluginCallsBriefly(), oneOfThePlugins(), themeParseError(), themeRenamed(),
	siteWithoutDatabase(), sitePassword(), siteConnections(), siteTableLocked(),
}

const (
	// inWordPress is where Debian has what a site adds to WordPress.
	inWordPress = "/var/lib/wordpress/wp-content/"
	shopPlugin  = inWordPress + "plugins/shop/shop.php"
	shopTheme   = inWordPress + "themes/shop"

	// siteSettings is what WordPress reads before it calls its database.
	siteSettings = "/etc/wordpress/config-default.php"

	onlyWordPress = "the page is WordPress' own, and what a fake can stage of PHP and of a database is in php-*, fpm-* and database-*"
)

// What WordPress says to visitors, and what the post of a new site says.
const (
	criticalError = "There has been a critical error on this website."
	noDatabase    = "Error establishing a database connection"
	firstPost     = "Hello world!"
)

const (
	wordpressFAQ      = "https://wordpress.org/documentation/article/faq-troubleshooting/"
	fatalProtection   = "https://make.wordpress.org/core/2019/04/16/fatal-error-recovery-mode-in-5-2/"
	wordpressErrors   = "https://wordpress.org/documentation/article/common-wordpress-errors/"
	wordpressTimeouts = "https://developer.wordpress.org/reference/classes/wp_http/request/"
)

// siteDatabase has WordPress' tables. The site has a theme and three plugins of its own.
var siteDatabase = backend.MariaDB{Name: "database", Listen: "10.0.0.7:3306", Image: "wordpress", SQL: []string{
	"UPDATE wordpress.wp_options SET option_value = 'shop' WHERE option_name IN ('template', 'stylesheet')",
	"UPDATE wordpress.wp_options SET option_value = " +
		`'a:3:{i:0;s:17:"backup/backup.php";i:1;s:19:"gallery/gallery.php";i:2;s:13:"shop/shop.php";}' WHERE option_name = 'active_plugins'`,
}}

// site is WordPress on PHP-FPM. What it mails is in a file.
var site = backend.PHPFPM{
	Name: "app", Listen: fpmAddress, Image: "wordpress",
	Pool: []string{"php_admin_value[sendmail_path] = /bin/sh -c 'cat >> /tmp/mail'", "pm.max_children = 2"},
	Scripts: map[string]string{
		siteSettings: text("wordpress/config-default.php"),
		shopPlugin:   text("wordpress/plugins/shop.php"),
		inWordPress + "plugins/gallery/gallery.php": text("wordpress/plugins/gallery.php"),
		inWordPress + "plugins/backup/backup.php":   text("wordpress/plugins/backup.php"),
		shopTheme + "/style.css":                    text("wordpress/themes/shop/style.css"),
		shopTheme + "/index.php":                    text("wordpress/themes/shop/index.php"),
		shopTheme + "/functions.php":                text("wordpress/themes/shop/functions.php"),
	},
}

// workersForMany leaves workers for those who come after some who wait.
const workersForMany = "pm.max_children = 8"

// onSite is a variant on WordPress.
func onSite(app backend.PHPFPM, breaks ...fault.Fault) scenario.Variant {
	return scenario.Variant{
		Kind: scenario.Real, Upstreams: []lab.Upstream{siteDatabase.Upstream(), api, app.Upstream()}, Inject: breaks,
	}
}

// updated is that the shop's plugin gets a new version, a file of the folder wordpress/plugins.
func updated(name string) fault.Fault {
	return fault.Deploy{Path: shopPlugin, Text: text("wordpress/plugins/" + name)}
}

// move is that somebody renames or moves a file or folder of what the site adds to WordPress.
func move(from, to string) fault.Fault {
	return fault.Command{Upstream: "app", Line: "mv " + inWordPress + from + " " + inWordPress + to}
}

// shown is that a visitor gets the first post, and not just a 200.
var shown = fault.OtherRequest{Status: 200, Page: firstPost}

// pluginOff is what articles do against a faulty plugin: its folder gets another name.
var pluginOff = []fault.Fault{move("plugins/shop", "plugins/shop.off")}

// waitsOff is pluginOff after a restart, which ends the workers that still wait. It brings the site's first files back, and so the faulty
// version of the plugin is deployed once more.
var waitsOff = append([]fault.Fault{fault.Start{Upstream: "app"}, updated("shop-waits.php")}, pluginOff...)

// critical is what follows a fatal error that WordPress knows of: a 500 with its page, and PHP's own line in nginx's log.
func critical(line string) scenario.Expectation {
	return scenario.Expectation{Status: 500, Tries: 1, Page: criticalError, Log: stderr("PHP message: " + line)}
}

const undefinedTotal = "PHP Fatal error:  Uncaught Error: Call to undefined function shop_total() in " + shopPlugin

func pluginFatal() scenario.Scenario {
	v := onSite(site, updated("shop-fatal.php"))
	unmailed := fault.Command{Upstream: "app", Line: "find /tmp -name mail"}
	v.Remedy = append([]fault.Fault{unmailed}, pluginOff...)
	return scenario.Scenario{
		ID: "wordpress-plugin-fatal",
		Claim: "An update of a plugin ends in a fatal error: WordPress notices it and shows its page of the critical error with 500, which nginx passes " +
			"on; a 502 it never is.",
		Family: "wordpress", Causes: []string{"E3", "E1"}, Gateway: onNginx("wordpress.conf"),
		Fault:    "the new version of the plugin shop calls a function that is not there",
		Variants: []scenario.Variant{v}, Alone: onlyWordPress,
		Expect:  critical(undefinedTotal),
		Confirm: "grep 'PHP Fatal error' /var/log/nginx/error.log: the path behind wp-content/plugins/ names the plugin.",
		Remedy: "cd /var/lib/wordpress/wp-content/plugins && mv shop shop.off: WordPress goes without a plugin whose file is gone. Then install the version " +
			"before, and rename it back.",
		Source: wordpressFAQ,
	}
}

func pluginFatalLate() scenario.Scenario {
	v := onSite(site, updated("shop-fatal-late.php"))
	v.Remedy = pluginOff
	expect := critical(undefinedTotal)
	expect.Status, expect.Page, expect.Log[0].Phase = 200, firstPost, "reading upstream"
	return scenario.Scenario{
		ID: "wordpress-plugin-fatal-late",
		Claim: "A plugin fails at the end of a long page: the status went out with the first 4 KB (output_buffering), so that it is 200, and WordPress' " +
			"words of the critical error stand at the end of half a page.",
		Family: "wordpress", Causes: []string{"E3", "E1"}, Gateway: onNginx("wordpress.conf"),
		Fault:    "the new version of the plugin shop calls a function that is not there, in the page's footer after 8 KB",
		Variants: []scenario.Variant{v}, Alone: onlyWordPress,
		Expect:  expect,
		Confirm: "curl -s http://example.com/ | grep 'critical error' finds the words; the access log says 200.",
		Remedy:  "As for wordpress-plugin-fatal: mv shop shop.off in wp-content/plugins. A monitor has to look at the page's end, not at the status.",
		Source:  fatalProtection,
	}
}

func pluginFatalLogin() scenario.Scenario {
	v := onSite(site, updated("shop-fatal.php"))
	mailed := fault.Command{Upstream: "app", Line: "grep -o action=enter_recovery_mode /tmp/mail", Prints: "action=enter_recovery_mode"}
	v.Remedy = append([]fault.Fault{mailed}, pluginOff...)
	expect := critical(undefinedTotal)
	expect.Page = criticalError + " Please check your site admin email inbox for instructions."
	return scenario.Scenario{
		ID: "wordpress-plugin-fatal-login",
		Claim: "A plugin fails, and somebody opens the login page: that is 500 as well, but only there (and in wp-admin) WordPress mails its administrator " +
			"a link into recovery mode, once a day; visitors of other pages set no mail off.",
		Family: "wordpress", Causes: []string{"E3"}, Gateway: onNginx("wordpress.conf"), AskInstead: &lab.Request{Path: "/wp-login.php"},
		Fault:    "the new version of the plugin shop calls a function that is not there, and the administrator wants to log in",
		Variants: []scenario.Variant{v}, Alone: onlyWordPress,
		Expect:  expect,
		Confirm: "The mail to the address of Settings, General has the subject Your Site is Experiencing a Technical Issue, and names plugin, file and line.",
		Remedy: "Follow the link in the mail, where mail works: in recovery mode that plugin rests, for this browser alone. Otherwise mv shop shop.off in " +
			"wp-content/plugins.",
		Source: fatalProtection,
	}
}

func pluginLoops() scenario.Scenario {
	v := onSite(site.With("php_value[max_execution_time] = 1"), updated("shop-loops.php"))
	v.Remedy = pluginOff
	expect := critical("PHP Fatal error:  Maximum execution time of 1 second exceeded in " + shopPlugin + " on line 6")
	// The limit counts the processor's time, which takes longer where others want the processor too.
	expect.Until = 30 * time.Second
	return scenario.Scenario{
		ID: "wordpress-plugin-loops",
		Claim: "A plugin computes without end: max_execution_time decides, 30 s by default and so before the 60 s of nginx. PHP ends the script, and " +
			"WordPress answers 500.",
		Family: "wordpress", Causes: []string{"E3", "B3"}, Gateway: onNginx("wordpress.conf"),
		Fault:    "the new version of the plugin shop has an endless loop, and max_execution_time is 1 s",
		Variants: []scenario.Variant{v}, Alone: onlyWordPress,
		Expect:  expect,
		Confirm: "grep 'Maximum execution time' /var/log/nginx/error.log: the path behind wp-content/plugins/ names the plugin.",
		Remedy:  "mv shop shop.off in wp-content/plugins. A higher max_execution_time makes visitors wait longer for the same error.",
		Source:  "https://www.php.net/manual/en/info.configuration.php#ini.max-execution-time",
	}
}

func pluginWaits() scenario.Scenario {
	v := onSite(site, updated("shop-waits.php"))
	v.WaitFor = []lab.Condition{lab.Opened(shopPlugin)}
	v.Remedy = waitsOff
	return scenario.Scenario{
		ID: "wordpress-plugin-waits",
		Claim: "A plugin waits in a loop without end, which max_execution_time does not count: fastcgi_read_timeout decides, nginx answers 504 after 60 s, " +
			"and the worker waits on for nobody.",
		Family: "wordpress", Causes: []string{"E3", "B2", "B3"}, Gateway: onNginx("wordpress.conf"),
		Fault:    "the new version of the plugin shop sleeps in a loop until a file is there that never comes",
		Variants: []scenario.Variant{v}, Alone: onlyWordPress,
		Expect:  gatewayTimeout(time.Minute, readingHeader),
		Confirm: "strace -p PID of a busy worker on the PHP host shows the same few calls again and again; no log has Maximum execution time.",
		Remedy: "mv shop shop.off in wp-content/plugins, and systemctl restart php8.2-fpm, which ends the workers that still wait. " +
			"request_terminate_timeout = 50s in the pool ends them by itself, with a 502.",
		Source: "https://www.php.net/manual/en/function.set-time-limit.php",
	}
}

func pluginTerminated() scenario.Scenario {
	const limit, latest = 20 * time.Second, 80 * time.Second / 3 // PHP-FPM looks three times within its limit
	v := onSite(site.With("request_terminate_timeout = 20s"), updated("shop-waits.php"))
	v.WaitFor = []lab.Condition{lab.Opened(shopPlugin)}
	v.UpstreamLog = "execution timed out"
	v.Remedy = waitsOff
	return scenario.Scenario{
		ID: "wordpress-plugin-terminated",
		Claim: "A plugin waits in a loop without end, and the pool has a request_terminate_timeout below nginx's limit: that decides. PHP-FPM kills the " +
			"worker, WordPress has no word to say, and nginx answers 502.",
		Family: "wordpress", Causes: []string{"E3", "B1"}, Gateway: onNginx("wordpress.conf"),
		Fault:    "the new version of the plugin shop sleeps in a loop without end, and request_terminate_timeout is 20 s",
		Variants: []scenario.Variant{v}, Alone: onlyWordPress,
		Expect: scenario.Expectation{Status: 502, Tries: 1, After: limit, Until: latest, Log: resetLine},
		Confirm: "grep 'execution timed out' /var/log/php8.2-fpm.log names index.php only; request_slowlog_timeout = 5s and slowlog in the pool name the " +
			"plugin's line.",
		Remedy: "Find the plugin by the slow log, or as in wordpress-plugins; then mv shop shop.off in wp-content/plugins, and systemctl restart php8.2-fpm.",
		Source: "https://www.php.net/manual/en/install.fpm.configuration.php#request-terminate-timeout",
	}
}

func pluginMemory() scenario.Scenario {
	v := onSite(site.With("php_admin_value[memory_limit] = 64M"), updated("shop-memory.php"))
	v.Remedy = pluginOff
	return scenario.Scenario{
		ID: "wordpress-plugin-memory",
		Claim: "A plugin takes memory without end: memory_limit ends the script, WordPress still has the memory for its page of the critical error, and " +
			"answers 500.",
		Family: "wordpress", Causes: []string{"E3", "C1"}, Gateway: onNginx("wordpress.conf"),
		Fault:    "the new version of the plugin shop reads without end into an array, and memory_limit is 64M",
		Variants: []scenario.Variant{v}, Alone: onlyWordPress,
		Expect: critical("PHP Fatal error:  Allowed memory size of 67108864 bytes exhausted"),
		Confirm: "grep 'Allowed memory size' /var/log/nginx/error.log names the file that asked last: the same plugin each time is the cause, another one " +
			"each time means that all of them together need more.",
		Remedy: "mv shop shop.off in wp-content/plugins. WP_MEMORY_LIMIT in wp-config.php raises the limit only where the pool sets it by php_value, " +
			"not by php_admin_value.",
		Source: "https://developer.wordpress.org/advanced-administration/wordpress/wp-config/",
	}
}

// onSiteThatCalls is a variant on WordPress whose plugin calls another service, which hangs.
func onSiteThatCalls(plugin string) scenario.Variant {
	app := site.With(workersForMany)
	app.Scripts = maps.Clone(site.Scripts)
	app.Scripts[shopPlugin] = text("wordpress/plugins/" + plugin)
	v := onSite(app, fault.SetBehaviour{Upstream: "api", Script: fakeupstream.Always(fakeupstream.Silent{})})
	v.WaitFor = []lab.Condition{lab.RequestAt("api")}
	v.Remedy = pluginOff
	return v
}

func pluginCalls() scenario.Scenario {
	v := onSiteThatCalls("shop-calls-long.php")
	return scenario.Scenario{
		ID: "wordpress-plugin-calls",
		Claim: "A plugin calls another service in each page and gives it 300 s, and that service hangs: max_execution_time does not count the " +
			"waiting, WordPress would wait on, and nginx answers 504 after 60 s.",
		Family: "wordpress", Causes: []string{"E3", "B2"}, Gateway: onNginx("wordpress.conf"),
		Fault:    "the service that the plugin shop calls by wp_remote_get() takes requests and is silent, and the plugin has set timeout to 300",
		Variants: []scenario.Variant{v}, Alone: onlyWordPress,
		Expect:  gatewayTimeout(time.Minute, readingHeader),
		Confirm: "ss -tnp on the PHP host shows a connection of each busy php-fpm8.2 to the same foreign address; grep -rn \"'timeout'\" wp-content/plugins.",
		Remedy: "mv shop shop.off in wp-content/plugins. A plugin that has to call in a page leaves WordPress' 5 s as they are, and keeps the answer " +
			"(set_transient).",
		Source: wordpressTimeouts,
	}
}

func pluginCallsBriefly() scenario.Scenario {
	v := onSiteThatCalls("shop-calls.php")
	return scenario.Scenario{
		ID: "wordpress-plugin-calls-briefly",
		Claim: "A plugin calls another service in each page, with the time-out of 1 s (WordPress' own is 5 s), and that service hangs: WordPress gives " +
			"up by itself, and the visitor gets his page with 200, late. Only the time tells.",
		Family: "wordpress", Causes: []string{"E3"}, Gateway: onNginx("wordpress.conf"),
		Fault:    "the service that the plugin shop calls by wp_remote_get() takes requests and is silent",
		Variants: []scenario.Variant{v}, Alone: onlyWordPress,
		// curl keeps the limit by the machine's own clock, which a busy machine is late by.
		Expect:  scenario.Expectation{Status: 200, Tries: 1, Page: firstPost, Until: 30 * time.Second},
		Confirm: "$upstream_response_time in the access log is the time-out more than it was, twice that with two such calls; no log has a line.",
		Remedy:  "mv shop shop.off in wp-content/plugins, or let the plugin keep the last answer (set_transient) and ask in a task of cron.",
		Source:  wordpressTimeouts,
	}
}

func oneOfThePlugins() scenario.Scenario {
	const gallery = inWordPress + "plugins/gallery/gallery.php"
	v := onSite(site, fault.Deploy{Path: gallery, Text: text("wordpress/plugins/gallery-lacks-file.php")})
	v.Remedy = []fault.Fault{
		move("plugins", "plugins.off"), shown, // it is one of them
		fault.Command{Upstream: "app", Line: "mkdir " + inWordPress + "plugins"},
		move("plugins.off/backup", "plugins/backup"), shown,
		move("plugins.off/gallery", "plugins/gallery"), fault.OtherRequest{Status: 500, Page: criticalError}, // this one
		move("plugins/gallery", "plugins.off/gallery"),
		move("plugins.off/shop", "plugins/shop"), fault.OtherRequest{Status: 200, Page: "tea costs 3"},
	}
	return scenario.Scenario{
		ID: "wordpress-plugins",
		Claim: "One of several plugins lacks a file since its update: the site is 500 with WordPress' page of the critical error, and well as soon as the " +
			"folder of all plugins has another name. Moved back one by one, the guilty one brings the 500 back.",
		Family: "wordpress", Causes: []string{"E3", "E1"}, Gateway: onNginx("wordpress.conf"),
		Fault:    "the new version of gallery, one of three plugins, requires a file that did not come with it",
		Variants: []scenario.Variant{v}, Alone: onlyWordPress,
		Expect: critical("PHP Warning:  require(" + inWordPress + "plugins/gallery/includes/pictures.php): Failed to open stream: " +
			"No such file or directory in " + gallery),
		Confirm: "grep 'PHP Fatal error' /var/log/nginx/error.log names the plugin at once, and saves the search.",
		Remedy: "In wp-content: mv plugins plugins.off, and the site is well. mkdir plugins, then mv plugins.off/NAME plugins/ for one after the other, and a " +
			"look at the site each time; the one with which it fails stays out. Do not open Plugins in wp-admin meanwhile: that deactivates what is not there.",
		Source: wordpressFAQ,
	}
}

// switchTheme is the remedy for a site whose theme is gone.
var switchTheme = fault.Command{Upstream: "database", Line: "mariadb --execute=UPDATE/**/wordpress.wp_options/**/SET/**/option_value='twentytwentythree'" +
	"/**/WHERE/**/option_name/**/IN/**/('template','stylesheet')"}

// defaultTheme is that a visitor gets a page of Twenty Twenty-Three, which names the feed of comments as the theme shop does not.
var defaultTheme = fault.OtherRequest{Status: 200, Page: "Comments Feed"}

func themeParseError() scenario.Scenario {
	v := onSite(site, fault.Deploy{Path: shopTheme + "/functions.php", Text: text("wordpress/themes/shop/functions-parse-error.php")})
	v.Remedy = []fault.Fault{move("themes/shop", "themes/shop.off"), switchTheme, defaultTheme}
	return scenario.Scenario{
		ID: "wordpress-theme-parse-error",
		Claim: "The theme's functions.php can't be parsed: each page is 500 with WordPress' page of the critical error, the login page too, though no " +
			"plugin is at fault.",
		Family: "wordpress", Causes: []string{"E3", "E1"}, Gateway: onNginx("wordpress.conf"),
		Fault:    "the new version of the theme shop lacks a semicolon",
		Variants: []scenario.Variant{v}, Alone: onlyWordPress,
		Expect:  critical(`PHP Parse error:  syntax error, unexpected identifier "remove_action" in ` + shopTheme + "/functions.php on line 5"),
		Confirm: "grep 'PHP Parse error' /var/log/nginx/error.log: the path behind wp-content/themes/ names the theme; php -l names the line.",
		Remedy: "mv shop shop.off in wp-content/themes, and let a theme that is installed be the active one: log in and open Appearance, Themes, or UPDATE " +
			"wp_options SET option_value = 'twentytwentythree' WHERE option_name IN ('template', 'stylesheet').",
		Source: wordpressFAQ,
	}
}

func themeRenamed() scenario.Scenario {
	v := onSite(site, move("themes/shop", "themes/shop.off"))
	v.Remedy = []fault.Fault{switchTheme, defaultTheme}
	return scenario.Scenario{
		ID: "wordpress-theme-renamed",
		Claim: "The active theme's folder has another name, as articles advise against a faulty theme: no other one steps in, and visitors get 200 with " +
			"an empty page, until an administrator opens Appearance, Themes, or the active theme is changed in the database.",
		Family: "wordpress", Causes: []string{"E3"}, Gateway: onNginx("wordpress.conf"),
		Fault:    "the folder of the theme shop is renamed, and twentytwentythree is installed beside it",
		Variants: []scenario.Variant{v}, Alone: onlyWordPress,
		// The 5 bytes are those that end a chunked answer.
		Expect: scenario.Expectation{Status: 200, Tries: 1, Access: `" 200 5 `},
		Confirm: "curl -s http://example.com/ | wc -c prints 0; SELECT option_value FROM wp_options WHERE option_name = 'stylesheet' names a folder " +
			"that is not there.",
		Remedy: "Log in and open Appearance, Themes, where WordPress notices it and takes the default theme, or UPDATE wp_options SET option_value = " +
			"'twentytwentythree' WHERE option_name IN ('template', 'stylesheet').",
		Source: "https://developer.wordpress.org/reference/functions/validate_current_theme/",
	}
}

// unconnected is what WordPress answers whenever it gets no connection to its database.
var unconnected = scenario.Expectation{Status: 500, Tries: 1, Page: noDatabase}

func siteWithoutDatabase() scenario.Scenario {
	return scenario.Scenario{
		ID: "wordpress-database-dead",
		Claim: "The database is not running: WordPress says Error establishing a database connection with 500, and neither nginx's log nor PHP's has a " +
			"line of it.",
		Family: "wordpress", Causes: []string{"F1"}, Gateway: onNginx("wordpress.conf"),
		Fault:    "MariaDB is stopped",
		Variants: []scenario.Variant{onSite(site, fault.Stop{Upstream: "database"})}, Alone: onlyWordPress,
		Expect:  unconnected,
		Confirm: "ss -ltn 'sport = :3306' on the database's host shows no listener.",
		Remedy:  "systemctl start mariadb, and find out from journalctl -u mariadb why it stopped (a full disk, the OOM killer).",
		Source:  wordpressErrors,
	}
}

func sitePassword() scenario.Scenario {
	v := onSite(site, fault.Command{Upstream: "database", Line: "mariadb --execute=SET/**/PASSWORD/**/FOR/**/wordpress=PASSWORD('changed')"})
	v.Remedy = []fault.Fault{fault.Deploy{Path: siteSettings, Text: changedIn("wordpress/config-default.php", "'secret'", "'changed'")}}
	return scenario.Scenario{
		ID: "wordpress-database-password",
		Claim: "WordPress has a password that the database no longer takes: the same 500 and the same words as when the database is down, and no line in " +
			"nginx's log or PHP's.",
		Family: "wordpress", Causes: []string{"F1"}, Gateway: onNginx("wordpress.conf"),
		Fault:    "the password of the user wordpress is changed in MariaDB, and not in WordPress' settings",
		Variants: []scenario.Variant{v}, Alone: onlyWordPress,
		Expect: unconnected,
		Confirm: "mariadb -h 10.0.0.7 -u wordpress -p, run on the PHP host with the password of wp-config.php (on Debian " +
			"/etc/wordpress/config-default.php), says Access denied.",
		Remedy: "Write the password that the database takes into DB_PASSWORD; the next page reads it.",
		Source: wordpressErrors,
	}
}

func siteConnections() scenario.Scenario {
	v := onSite(site, append(runs("?backup", 1), fault.Command{Upstream: "database", Line: "mariadb --execute=SET@@GLOBAL.max_user_connections=1"})...)
	v.Upstreams[0] = siteDatabase.With("--max-user-connections=50").Upstream()
	v.Remedy = []fault.Fault{fault.Command{Upstream: "database", Line: "mariadb --execute=SET@@GLOBAL.max_user_connections=50"}}
	return scenario.Scenario{
		ID: "wordpress-database-connections",
		Claim: "The site's user has all the connections that the hosting plan allows him (max_user_connections): the next page is a 500 at once, with " +
			"the words of a database that is down.",
		Family: "wordpress", Causes: []string{"F1"}, Gateway: onNginx("wordpress.conf"),
		Fault:    "a backup holds a connection while it waits for another host, and max_user_connections is 1",
		Variants: []scenario.Variant{v}, Alone: onlyWordPress,
		Expect:  unconnected,
		Confirm: "mariadb -e \"SHOW PROCESSLIST\" lists as many connections of the user wordpress as mariadb -e \"SELECT @@max_user_connections\" says.",
		Remedy:  "SET GLOBAL max_user_connections = 50, or the plan that has more; end what holds connections and does nothing (KILL with its id).",
		Source:  "https://mariadb.com/kb/en/server-system-variables/#max_user_connections",
	}
}

func siteTableLocked() scenario.Scenario {
	v := onSite(site.With(workersForMany), runs("?backup=locked", 1)...)
	v.WaitFor = []lab.Condition{lab.RequestAt("database")}
	v.Remedy = []fault.Fault{fault.Command{Upstream: "database", Line: "mariadb --execute=KILL/**/USER/**/wordpress"}, shown}
	return scenario.Scenario{
		ID: "wordpress-database-locked",
		Claim: "A backup has locked wp_options, which each page reads first, and waits for another host: all pages wait for it, and nginx gives up after " +
			"fastcgi_read_timeout with 504. WordPress connected well, and so does not speak of its database.",
		Family: "wordpress", Causes: []string{"F1", "B2", "E3"}, Gateway: onNginx("wordpress.conf"),
		Fault:    "the plugin backup holds LOCK TABLES wp_options while it waits for another host",
		Variants: []scenario.Variant{v}, Alone: onlyWordPress,
		Expect:  gatewayTimeout(time.Minute, readingHeader),
		Confirm: "mariadb -e \"SHOW FULL PROCESSLIST\" shows SELECT option_name, option_value FROM wp_options in Waiting for table metadata lock.",
		Remedy: "End who holds the lock (KILL with his id, or KILL USER wordpress), and let the backup read in a transaction (mariadb-dump " +
			"--single-transaction) in place of locking.",
		Source: "https://mariadb.com/kb/en/lock-tables/",
	}
}
