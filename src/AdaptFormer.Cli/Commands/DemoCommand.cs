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
        DemoTask task = new();
        Option<string> output = new("--output")
        {
            Description = "Where pictures and runs go; what an earlier demo left there is replaced.",
            HelpName = "folder",
            DefaultValueFactory = _ => DefaultFolder,
        };
        Option<long> seed = new("--seed")
        { Description = "The first seed: of training pictures, starting values, order and augmentation; 0 if left out.", HelpName = "n" };
        Option<int> seeds = new("--seeds")
        { Description = "How many seeds.", HelpName = "n", DefaultValueFactory = _ => task.Seeds };
        Option<int> epochs = new("--epochs")
        {
            Description = "Passes over the training pictures; with fewer it ends sooner and learns less.",
            HelpName = "n",
            DefaultValueFactory = _ => task.Epochs,
        };
        Option<bool> json = CommonOptions.Json("Print one JSON line a method, and a last one with everything.");
        FileCommand command = new(
            "demo", "Train four methods on a few synthetic pictures and compare them; needs no download and no native library.")
        { output, seed, seeds, epochs, json };
        command.SetAction((parsed, cancellation) => Task.Run(() =>
        {
            foreach (Option<int> option in (Option<int>[])[seeds, epochs])
            {
                if (parsed.GetValue(option) < 1)
                    throw new ArgumentException($"{option.Name} is {parsed.GetValue(option)}; expected at least 1.");
            }

            DemoTask wanted = task with { Seeds = parsed.GetValue(seeds), Epochs = parsed.GetValue(epochs) };
            new DemoRun(screen, wanted, parsed.GetValue(output)!, parsed.GetValue(seed), parsed.GetValue(json)).Execute(cancellation);
            return 0;
        }, CancellationToken.None));
        DeviceChoice.AddTo(command);
        return command;
    }
}
