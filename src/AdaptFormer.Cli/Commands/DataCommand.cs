using System.CommandLine;
using AdaptFormer.Cli.Output;

namespace AdaptFormer.Cli.Commands;

/// <summary><c>adaptformer data</c>: what is to be done with data before training.</summary>
internal static class DataCommand
{
    public static Command Create(Screen screen) => new("data", "Check and prepare data.")
    {
        DataCheckCommand.Create(screen),
        DataCacheCommand.Create(screen),
    };
}
