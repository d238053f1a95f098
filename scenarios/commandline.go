package scenarios

import (
	"github.com/badgateway/badgateway/harness/fault"
	"github.com/badgateway/badgateway/harness/lab"
	"github.com/badgateway/badgateway/harness/scenario"
)

// Scripts that are well on the command line fail behind the gateway: it is another PHP there, with other settings and another user.

// byCommandLine is that the page's script is run by hand, as root, where PHP-FPM runs.
func byCommandLine(prints string) fault.Fault {
	return fault.Command{Upstream: "app", Line: "php " + index, Prints: prints}
}

func cliMemory() scenario.Scenario {
	small, roomy := fpm.With("php_admin_value[memory_limit] = 32M"), fpmWith("needs-memory.php").With("php_admin_value[memory_limit] = 64M")
	onFPM := realFPM(small, deploy("needs-memory.php"), byCommandLine("41943040"))
	onFPM.Remedy = []fault.Fault{fault.Replace{Upstream: roomy.Upstream()}}
	const message = "PHP Fatal error:  Allowed memory size of 33554432 bytes exhausted (tried to allocate 41947136 bytes) " +
		"in /var/www/index.php on line 3"
	return scenario.Scenario{
		ID: "php-cli-memory",
		Claim: "A script is well on the command line and fails in the browser: the pool has a memory_limit of its own, lower than that of the command " +
			"line, and PHP-FPM answers 500, which nginx passes on.",
		Family: "code", Causes: []string{"E7", "C1"},
		Gateway:  onNginx("php.conf"),
		Fault:    "the script needs 40 MB, which the command line allows it, and the pool does not",
		Variants: []scenario.Variant{onFPM, fakeFPMDoes(phpError(message))},
		Expect:   scenario.Expectation{Status: 500, Tries: 1, Log: stderr("PHP message: " + message)},
		Confirm: "php -r 'echo ini_get(\"memory_limit\");' against a page with echo ini_get(\"memory_limit\"); the pool's is also in " +
			"php-fpm8.2 -tt 2>&1 | grep memory_limit.",
		Remedy: "Set php_admin_value[memory_limit] = 64M in the pool, then systemctl reload php8.2-fpm. A test on the command line gets the pool's " +
			"limit by php -d memory_limit=32M.",
		Source: "https://www.php.net/manual/en/ini.core.php#ini.memory-limit",
	}
}

func cliUser() scenario.Scenario {
	const settings = "/var/www/config.php"
	reads := fpmWith("reads-config.php")
	reads.Scripts[settings] = text("php/config.php")
	const warning = "PHP Warning:  require(/var/www/config.php): Failed to open stream: Permission denied in /var/www/index.php on line 3"
	onFPM := scenario.Variant{
		Kind: scenario.Real, Upstreams: []lab.Upstream{reads.Upstream()},
		Inject: []fault.Fault{fault.Chmod{Path: settings, Mode: 0o600}, byCommandLine("ok")},
		Remedy: []fault.Fault{fault.Chmod{Path: settings, Mode: 0o644}},
	}
	const message = warning + `; PHP message: PHP Fatal error:  Uncaught Error: Failed opening required '/var/www/config.php' ` +
		`(include_path='.:/usr/share/php') in /var/www/index.php:3
Stack trace:
#0 {main}
  thrown in /var/www/index.php on line 3`
	return scenario.Scenario{
		ID: "php-cli-user",
		Claim: "A script is well on the command line and fails in the browser: root runs it here, and www-data there, who may not read a file that " +
			"it needs. PHP-FPM answers 500, which nginx passes on.",
		Family: "code", Causes: []string{"E7"},
		Gateway:  onNginx("php.conf"),
		Fault:    "only root may read the settings that the script takes, and root has tried it",
		Variants: []scenario.Variant{onFPM, fakeFPMDoes(phpError(message))},
		Expect:   scenario.Expectation{Status: 500, Tries: 1, Log: stderr("PHP message: " + warning)},
		Confirm:  "sudo -u www-data php /var/www/index.php, with the user of the pool, says Permission denied as well.",
		Remedy:   "chmod 644 /var/www/config.php, or where others must not read it chgrp www-data and chmod 640; and try scripts as the pool's user.",
		Source:   "https://www.php.net/manual/en/install.fpm.configuration.php#user",
	}
}
