return new System.CommandLine.RootCommand("AdaptFormer").Parse(args).Invoke();
