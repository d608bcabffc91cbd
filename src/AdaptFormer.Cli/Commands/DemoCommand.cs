using System.CommandLine;
using AdaptFormer.Cli.Demo;
using AdaptFormer.Cli.Output;

namespace AdaptFormer.Cli.Commands;

/// <summary><c>adaptformer demo</c>: the paper's comparison in small, on pictures that the program draws.</summary>
internal static class DemoCommand
{
    private const string DefaultFolder = "adaptformer-demo";

    public static Command Create(Screen screen)
    {
        Option<string> output = new("--output") { Description = "Where pictures and runs go; what an earlier demo left there is replaced.", HelpName = "folder", DefaultValueFactory = _ => DefaultFolder };
        Option<long> seed = new("--seed") { Description = "Seed of starting values, order and augmentation; 0 if left out.", HelpName = "n" };
        Option<bool> json = CommonOptions.Json("Print one JSON line a method, and a last one with everything.");
        FileCommand command = new("demo", "Train four methods on a small synthetic task and compare them; needs no download and no native library.") { output, seed, json };
        command.SetAction((parsed, cancellation) => Task.Run(() =>
        {
            new DemoRun(screen, new DemoTask(), parsed.GetValue(output)!, parsed.GetValue(seed), parsed.GetValue(json)).Execute(cancellation);
            return 0;
        }, CancellationToken.None));
        return command;
    }
}
