using AdaptFormer.Tensors;

namespace AdaptFormer.Models.Checkpoints;

/// <summary>
/// Two ways to write the same model down: DINOv2's own checkpoints with registers have a position of the class token, timm's have it added
/// to the class token. Registers have none in both. Ours is timm's.
/// </summary>
internal static class RegisterTokens
{
    private const string ClassToken = "cls_token", Positions = "pos_embed", Registers = "reg_token";

    /// <summary>The same weights in timm's way; as they are where there are no registers.</summary>
    public static StateDict WithoutPlaces(StateDict ours)
    {
        if (!ours.Weights.ContainsKey(Registers) || !ours.Weights.TryGetValue(Positions, out StateDict.Weight? table)
            || table.Shape.Rank != 3) return ours;
        if (!ours.Weights.TryGetValue(ClassToken, out StateDict.Weight? token) || !IsSquare(table.Shape[1] - 1)
            || token.Shape != new Shape(1, 1, table.Shape[2])) return ours;
        int dim = table.Shape[2], patches = table.Shape[1] - 1;
        StateDict timm = ours.Renamed(static name => name);
        timm.Add(ClassToken, new StateDict.Weight(token.Shape, destination =>
        {
            token.Read(destination);
            float[] places = table.ToArray();
            for (int c = 0; c < dim; c++) destination[c] += places[c];
        }));
        timm.Add(Positions,
            new StateDict.Weight(new Shape(1, patches, dim), destination => table.ToArray().AsSpan(dim).CopyTo(destination)));
        return timm;
    }

    private static bool IsSquare(int count) => count > 0 && Math.Round(Math.Sqrt(count)) is double side && side * side == count;
}
