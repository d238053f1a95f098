package fault

import (
	"context"
	"fmt"
	"strings"
)

// Command is a step: somebody runs a program, as root, on the machine of a real upstream, and that does what he wants.
type Command struct {
	Upstream string
	Line     string // "php /var/www/index.php": words with spaces between them, of no shell
	Prints   string // what it has to print, and nothing else but space
}

// Inject runs it. One that ends with another code than 0, or prints something else, is an error. There is nothing to undo.
func (f Command) Inject(ctx context.Context, t Target) (Undo, error) {
	printed, err := t.RunBeside(ctx, f.Upstream, strings.Fields(f.Line)...)
	if err != nil {
		return nil, err
	}
	if strings.TrimSpace(printed) != f.Prints {
		return nil, fmt.Errorf("%s prints %q, not %q", f.Line, printed, f.Prints)
	}
	return nil, nil
}

func (f Command) String() string { return fmt.Sprintf("%s prints %s", f.Line, f.Prints) }

// Await is a step: what came before takes its effect on the machine of a real upstream only after a moment, and a program that is run
// there tells when it has.
type Await struct {
	Upstream string
	Line     string // "grep -q ready /run/state": words with spaces between them, of no shell; it ends with 0 once it has
}

// Inject runs the program again and again until it ends with 0, for 20 s at the most. There is nothing to undo.
func (f Await) Inject(ctx context.Context, t Target) (Undo, error) {
	return nil, t.AwaitBeside(ctx, f.Upstream, strings.Fields(f.Line)...)
}

func (f Await) String() string { return f.Line + " succeeds" }
