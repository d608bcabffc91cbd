using AdaptFormer.Training;
using AdaptFormer.Training.Loop;

namespace AdaptFormer.Runs.Recipes;

/// <summary>How several processes train together: the <c>cluster</c> section of a recipe. One process reads nothing of it.</summary>
/// <param name="Exchange">How gradients are added: <c>ordered</c> gives the bits of one process, <c>fast</c> is the library's own
/// order.</param>
/// <param name="Timeout">Seconds after which a process that does not answer ends the training, above 0.</param>
public sealed record ClusterOptions(ExchangeOrder Exchange = ExchangeOrder.Ordered, double Timeout = 300)
{
    internal void Check(RecipeCheck check) =>
        check.Require(Timeout is > 0 and <= 86400, "timeout", Timeout, "a number of seconds above 0 and up to a day");
}
