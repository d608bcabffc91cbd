namespace AdaptFormer.Models.Layers;

/// <summary>The name under which blocks stand in checkpoints: <c>blocks.0</c> …; the model runs them.</summary>
internal sealed class BlockList : Module
{
    /// <summary>Block i's share of stochastic depth: 0 for the first, all of it for the last, linear between.</summary>
    public static float DropPath(float last, int i, int depth) => depth == 1 ? last : last * i / (depth - 1);
}
