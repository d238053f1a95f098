package scenarios

import (
	"github.com/badgateway/badgateway/fakeupstream"
	"github.com/badgateway/badgateway/harness/fault"
	"github.com/badgateway/badgateway/harness/scenario"
)

// code is errors in the script that PHP itself finds: they are PHP's answers, and nginx passes them on.
var code = []scenario.Scenario{
	parseError(), fatalError(), fatalErrorShown(), fatalErrorLate(), endlessRecursion(), scriptMissing(), limitExtensions(),
	exitCode(), cliMemory(), cliUser(),
}

const undefined = `PHP Fatal error:  Uncaught Error: Call to undefined function shop_total() in /var/www/index.php:3
Stack trace:
#0 {main}
  thrown in /var/www/index.php on line 3`

func parseError() scenario.Scenario {
	const message = `PHP Parse error:  syntax error, unexpected token "echo", expecting "," or ";" in /var/www/index.php on line 4`
	return scenario.Scenario{
		ID: "php-parse-error",
		Claim: "A script that PHP cannot parse makes PHP answer 500 and name the line in its log; nginx passes the 500 on, " +
			"for PHP-FPM itself is well.",
		Family: "code", Causes: []string{"E1"},
		Gateway:  onNginx("php.conf"),
		Fault:    "the script that is deployed lacks a semicolon",
		Variants: []scenario.Variant{realFPM(fpm, deploy("parse-error.php")), fakeFPMDoes(phpError(message))},
		Expect:   scenario.Expectation{Status: 500, Tries: 1, Log: stderr("PHP message: " + message)},
		Confirm:  "php -l /var/www/index.php names the line.",
		Remedy:   "Mend that line, or deploy the version before; run php -l over the files before each deploy.",
		Source:   "https://www.php.net/manual/en/features.commandline.options.php",
	}
}

func fatalError() scenario.Scenario {
	return scenario.Scenario{
		ID: "php-fatal-error",
		Claim: "An error that the script does not catch makes PHP answer 500 with an empty page (display_errors is off); " +
			"nginx passes the 500 on.",
		Family: "code", Causes: []string{"E1"},
		Gateway:  onNginx("php.conf"),
		Fault:    "the script calls a function that is not there",
		Variants: []scenario.Variant{realFPM(fpm, deploy("fatal-error.php")), fakeFPMDoes(phpError(undefined))},
		Expect:   scenario.Expectation{Status: 500, Tries: 1, Log: stderr("PHP message: PHP Fatal error:  Uncaught Error: ")},
		Confirm:  "grep 'PHP Fatal error' /var/log/nginx/error.log: the message, the file and the line.",
		Remedy:   "Mend the line that the message names, or deploy the version before.",
		Source:   "https://www.php.net/manual/en/errorfunc.configuration.php#ini.display-errors",
	}
}

func fatalErrorShown() scenario.Scenario {
	shown := fpm.With("php_flag[display_errors] = on")
	return scenario.Scenario{
		ID: "php-fatal-error-shown",
		Claim: "With display_errors on, a fatal error of the script is answered 200: its message is the page, " +
			"and a monitor that looks at the status sees nothing.",
		Family: "code", Causes: []string{"E1"},
		Gateway: onNginx("php.conf"),
		Fault:   "the script calls a function that is not there, and display_errors is on",
		Variants: []scenario.Variant{
			realFPM(shown, deploy("fatal-error.php")),
			fakeFPMDoes(fakeupstream.FastCGIStderr{Text: "PHP message: " + undefined, Answer: fakeupstream.Well{
				Headers: []string{phpType}, Body: "\nFatal error: " + undefined + "\n",
			}}),
		},
		Expect:  scenario.Expectation{Status: 200, Tries: 1, Log: stderr("PHP message: PHP Fatal error:  Uncaught Error: ")},
		Confirm: "curl -s http://example.com/ | grep 'Fatal error' finds the message in the page.",
		Remedy:  "Set php_flag[display_errors] = off in the pool (log_errors stays on), and mend the line that the message names.",
		Source:  "https://www.php.net/manual/en/errorfunc.configuration.php#ini.display-errors",
	}
}

func fatalErrorLate() scenario.Scenario {
	return scenario.Scenario{
		ID: "php-fatal-error-late",
		Claim: "A fatal error after the script has sent a part of its page cannot change the status any more: " +
			"the visitor gets 200 and a page without its end.",
		Family: "code", Causes: []string{"E1"},
		Gateway:  onNginx("php.conf"),
		Fault:    "the script calls a function that is not there, after 19 KB of output",
		Variants: []scenario.Variant{realFPM(fpm, deploy("fatal-error-late.php"))},
		Alone:    "a fake writes to FastCGI's error stream before its answer only",
		Expect: scenario.Expectation{Status: 200, Tries: 1, Log: []scenario.LogLine{{
			Level: "error", Text: `FastCGI sent in stderr: "PHP message: PHP Fatal error:  Uncaught Error: `, Phase: "reading upstream",
		}}},
		Confirm: "grep 'while reading upstream' /var/log/nginx/error.log, on a line with PHP Fatal error.",
		Remedy:  "Mend the line that the message names, or deploy the version before.",
		Source:  "https://www.php.net/manual/en/function.flush.php",
	}
}

func endlessRecursion() scenario.Scenario {
	return scenario.Scenario{
		ID: "php-recursion",
		Claim: "A function of the script that calls itself without end uses up memory_limit: " +
			"PHP answers 500, the worker lives on.",
		Family: "code", Causes: []string{"E2", "C1"},
		Gateway: onNginx("php.conf"),
		Fault:   "a function of the script calls itself without end",
		Variants: []scenario.Variant{
			realFPM(fpm, deploy("recursion.php")),
			fakeFPMDoes(phpError("PHP Fatal error:  Allowed memory size of 134217728 bytes exhausted (tried to allocate 2097152 bytes) " +
				"in /var/www/index.php on line 5")),
		},
		Expect: scenario.Expectation{Status: 500, Tries: 1, Log: stderr("PHP message: PHP Fatal error:  Allowed memory size of 134217728 bytes exhausted")},
		Confirm: "grep 'Allowed memory size' /var/log/nginx/error.log names a line inside of the function; raising memory_limit " +
			"only makes it take longer.",
		Remedy: "Give the function an end: a condition that stops it, or a limit to its depth.",
		Source: "https://www.php.net/manual/en/functions.user-defined.php",
	}
}

func scriptMissing() scenario.Scenario {
	elsewhere := fault.Config{Conf: changed("php.conf", "root /var/www;", "root /srv/www;")}
	return scenario.Scenario{
		ID: "php-script-missing",
		Claim: "nginx tells PHP-FPM a path at which PHP-FPM finds no script: PHP answers 404 File not found., " +
			"and only nginx's log tells why.",
		Family: "code", Causes: []string{"E6"},
		Gateway: onNginx("php.conf"),
		Fault:   "the root of nginx is /srv/www, and the scripts lie in /var/www on the PHP host",
		Variants: []scenario.Variant{
			realFPM(fpm, elsewhere),
			fakeFPMDoes(fakeupstream.FastCGIStderr{Text: "Primary script unknown", Answer: fakeupstream.Well{
				Status: 404, Headers: []string{phpType}, Body: "File not found.\n",
			}}),
		},
		Expect:  scenario.Expectation{Status: 404, Tries: 1, Log: stderr("Primary script unknown")},
		Confirm: "nginx -T | grep -E 'root|SCRIPT_FILENAME' gives the path; ls that path on the PHP host (in its chroot or container).",
		Remedy:  "Set root (or fastcgi_param SCRIPT_FILENAME) to the path as PHP-FPM sees it, here root /var/www;, then systemctl reload nginx.",
		Source:  "https://nginx.org/en/docs/http/ngx_http_fastcgi_module.html#fastcgi_param",
	}
}

func limitExtensions() scenario.Scenario {
	pages := fpm.With("security.limit_extensions = .php .html")
	pages.Scripts = map[string]string{"/var/www/index.html": text("php/well.php")}
	packaged := fpm
	packaged.Scripts = pages.Scripts
	const message = "Access to the script '/var/www/index.html' has been denied (see security.limit_extensions)"
	return scenario.Scenario{
		ID: "php-limit-extensions",
		Claim: "The name of the script does not end as security.limit_extensions wants it, .php or .phar by default: " +
			"PHP-FPM answers 403 Access denied.",
		Family: "code", Causes: []string{"E6"},
		Gateway: onNginx("php-html.conf"),
		Fault:   "after an upgrade the pool has the default of security.limit_extensions again, and the site's scripts are .html files",
		Variants: []scenario.Variant{
			realFPM(pages, fault.Replace{Upstream: packaged.Upstream()}),
			fakeFPMDoes(fakeupstream.FastCGIStderr{Text: message, Answer: fakeupstream.Well{
				Status: 403, Headers: []string{phpType}, Body: "Access denied.\n",
			}}),
		},
		Expect:  scenario.Expectation{Status: 403, Tries: 1, Log: stderr(message)},
		Confirm: "grep security.limit_extensions /var/log/nginx/error.log names the script.",
		Remedy:  "Set security.limit_extensions = .php .html in the pool, then systemctl reload php8.2-fpm; or rename the scripts to .php.",
		Source:  "https://www.php.net/manual/en/install.fpm.configuration.php#security-limit-extensions",
	}
}

func exitCode() scenario.Scenario {
	return scenario.Scenario{
		ID: "php-exit-code",
		Claim: "A script that ends with a code other than 0 is no error to nginx: the visitor gets 200, " +
			"and no log has a line about it.",
		Family: "code", Causes: []string{"E1"},
		Gateway:  onNginx("php.conf"),
		Fault:    "the script ends with exit(3)",
		Variants: []scenario.Variant{realFPM(fpm, deploy("exit-code.php")), fakeFPMDoes(fakeupstream.FastCGIEnd{AppStatus: 3})},
		Expect:   scenario.Expectation{Status: 200, Tries: 1},
		Confirm:  "php /var/www/index.php; echo $? prints the code, which the answer does not have: curl -i shows 200.",
		Remedy:   "Set the status in the script, before any output: http_response_code(500).",
		Source:   "https://www.php.net/manual/en/function.exit.php",
	}
}
