package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/badgateway/badgateway/harness/audit"
	"github.com/badgateway/badgateway/harness/audit/measure"
	"github.com/badgateway/badgateway/harness/audit/review"
	"github.com/badgateway/badgateway/harness/hostfile"
)

// policyFile is where the policy is, or would be; empty where an image is checked, beside whose config nothing can be
// put.
func (f *checkFlags) policyFile(path string) string {
	if f.policy != "" || path == "" {
		return f.policy
	}
	return filepath.Join(configFolder(path), audit.PolicyName)
}

// configFolder is the folder of a config: the one that the places of a report are relative to.
func configFolder(path string) string {
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		return path
	}
	return filepath.Dir(path)
}

// loadPolicy reads the policy. One that is named must be there, the one beside the config need not.
func (f *checkFlags) loadPolicy(ctx context.Context, path string) (*audit.Policy, error) {
	policy, file := audit.DefaultPolicy(), f.policyFile(path)
	if file != "" && !f.init {
		p, err := f.readPolicy(ctx, file)
		switch {
		case err == nil:
			policy = p
		case f.policy != "" || !errors.Is(err, fs.ErrNotExist):
			return nil, err
		}
	}
	var faults []audit.FaultInfo
	var rules []string
	for _, one := range review.Faults() {
		faults = append(faults, one.FaultInfo)
	}
	for _, one := range review.Rules() {
		rules = append(rules, one.ID)
	}
	if err := policy.Known(faults, append(rules, audit.PolicyRule, audit.UnmeasuredRule, audit.UnreachedRule)); err != nil {
		return nil, err
	}
	if f.failOn != "" {
		policy.FailOn = f.failOn
	}
	return policy, nil
}

// readPolicy reads a policy. The one beside a config may be untrusted, as the config is: a link is not followed.
func (f *checkFlags) readPolicy(ctx context.Context, file string) (*audit.Policy, error) {
	if f.policy == "" {
		return audit.LoadPolicy(file)
	}
	text, err := hostfile.ReadTyped(ctx, file, audit.MaxPolicy)
	if err != nil {
		return nil, fmt.Errorf("reading the policy: %w", err)
	}
	return audit.ParsePolicy(file, text)
}

// initPolicy writes a policy from what is measured.
func (f *checkFlags) initPolicy(c *cobra.Command, o measure.Options, p *checkProgress) error {
	file := f.policyFile(o.Path)
	if file == "" {
		return errors.New("an image has no folder for a policy: name its file with --policy")
	}
	if _, err := os.Lstat(file); err == nil && !f.force {
		return fmt.Errorf("%s is there already: --force overwrites it, --policy FILE names another", file)
	}
	r, err := f.measure(c.Context(), o, p)
	if err != nil {
		return err
	}
	if r.Refused != nil {
		if err := f.print(c.OutOrStdout(), r); err != nil {
			return err
		}
		return refusedCheck{r}
	}
	if err := labFailed(r); err != nil { // a policy that lacks something would let it pass from now on
		return err
	}
	err = hostfile.Write(file, func(w io.Writer) error {
		_, err := w.Write(audit.InitPolicy(r))
		return err
	})
	if err != nil {
		return notWritten{fmt.Errorf("writing the policy: %w", err)}
	}
	fmt.Fprintf(c.OutOrStdout(), "%s holds what visitors get now; what was found is waived there for a time. Edit it, then: %s\n", file, r.Command)
	return nil
}
