package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/badgateway/badgateway/fakeupstream"
	"github.com/badgateway/badgateway/harness/lab"
)

func fakeCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "fake [FLAGS]",
		Short: "Run an upstream that misbehaves to order, without a lab",
		Long:  "Runs a fake upstream on this machine, to put behind a gateway of your own. badgateway fake --help shows its flags.",
		Example: `  badgateway fake --listen 127.0.0.1:8080 --do reset
  badgateway fake --spec upstreams.json --control 127.0.0.1:9900`,
		DisableFlagParsing: true,
		RunE: func(c *cobra.Command, args []string) error {
			if slices.Equal(args, []string{"--version"}) { // the fake's own flags have none
				fmt.Fprint(c.OutOrStdout(), versionText())
				return nil
			}
			if code := fakeupstream.Main(c.Context(), args, c.OutOrStdout(), c.ErrOrStderr()); code != 0 {
				return explained(code)
			}
			return nil
		},
	}
}

func imagesCommand() *cobra.Command {
	var versions []string
	c := &cobra.Command{
		Use:   "images",
		Short: "Get the images that labs and checks need, and say which they are",
		Example: `  badgateway images
  badgateway images --nginx 1.18,1.26`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			e, err := lab.FindEngine(c.Context(), lab.Options{Install: true, Logger: loggerTo(newProgress(c.ErrOrStderr(), 0).say)})
			if err != nil {
				return noLab{err}
			}
			names := lab.UsualImages()
			if len(versions) > 0 {
				names = nil
			}
			for _, v := range versions {
				names = append(names, "nginx:"+v)
			}
			err = e.Images(c.Context(), names...) // those that are there are asked for once more below
			if no := (*lab.NoNginxError)(nil); err != nil && !errors.As(err, &no) {
				return noLab{err}
			}
			for _, name := range names {
				ref, err := e.Image(c.Context(), name)
				if no := (*lab.NoNginxError)(nil); errors.As(err, &no) {
					return err
				} else if err != nil {
					return noLab{err}
				}
				fmt.Fprintf(c.OutOrStdout(), "%-10s %s\n", name, ref)
			}
			return nil
		},
	}
	c.Flags().StringSliceVar(&versions, "nginx", nil,
		"only the images that check uses for these versions of nginx ("+strings.Join(lab.NginxVersions(), ", ")+")")
	return c
}

func cleanCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "clean",
		Short: "Remove all that badgateway ever made on this engine, images included",
		Long: `Removes the containers, networks, volumes and images that badgateway made on this engine, those of runs that go on included,
and prints each. What others made stays. The next run makes its images again, which takes about three minutes for all. A run needs no
clean after it, also not one that was killed: this is for when badgateway is no longer wanted here.`,
		Example: `  badgateway clean
  DOCKER_HOST=ssh://ci badgateway clean`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			e, err := lab.FindEngine(c.Context(), lab.Options{})
			if err != nil {
				return noLab{err}
			}
			removed, err := e.Clean(c.Context())
			for _, r := range removed {
				fmt.Fprintln(c.OutOrStdout(), "removed", r)
			}
			if err != nil {
				return errors.Join(errors.New("cleaning up"), err)
			}
			return nil
		},
	}
}
