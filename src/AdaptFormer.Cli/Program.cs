using AdaptFormer.Cli;
using AdaptFormer.Cli.Output;

return await Shell.RunAsync(args, Screen.OfProcess());
