package measure

import (
	"context"
	"errors"
	"sort"

	"github.com/badgateway/badgateway/harness/audit"
	"github.com/badgateway/badgateway/harness/audit/provision"
	"github.com/badgateway/badgateway/harness/lab"
)

// asInProduction makes sandboxes in which an image runs as it does in production: as its user, in its folder, with its
// environment, started by what its own start runs.
func (s *session) asInProduction(ctx context.Context) error {
	if s.options.Image == "" {
		return nil
	}
	start, err := s.lab.Production(ctx)
	if err != nil {
		return err
	}
	as := provision.Identity{User: start.User, Dir: start.Dir}
	for name, value := range s.options.Env {
		as.Env = append(as.Env, name+"="+value)
	}
	sort.Strings(as.Env)
	s.runAs(as)
	s.tree.StartsBy(start.Argv, start.Env)
	if !s.tree.Rehearses() {
		return nil
	}
	s.options.Logger.Info("running the image's own start, as far as to nginx")
	sb, err := s.lab.Open(ctx, lab.Setup{CatchAll: &s.catchAll})
	if err != nil {
		return refusedUser(err)
	}
	defer func() { _ = sb.Close() }() // the lab ends it at the latest
	if as, err = s.tree.Rehearse(ctx, sb, as); err != nil {
		return err
	}
	s.runAs(as)
	return nil
}

func (s *session) runAs(as provision.Identity) {
	s.catchAll.User, s.catchAll.Dir, s.catchAll.Env = as.User, as.Dir, as.Env
}

// refusedUser makes a refusal of the error that the image names a user whom it does not have: no engine would start it.
func refusedUser(err error) error {
	var why *lab.AgentError
	if !errors.Is(err, lab.ErrNoUser) || !errors.As(err, &why) {
		return err
	}
	return &provision.Refused{Refusal: audit.Refusal{
		Kind: "start", Message: why.Message, Remedy: "name one that its /etc/passwd has, or a number",
	}}
}
