using System.Text.RegularExpressions;
using AdaptFormer.Tensors;

namespace AdaptFormer.Models.Checkpoints;

/// <summary>
/// The names and layouts of Google's JAX vision transformers (<c>.npz</c>): a kernel has its inputs first and heads as an axis of their
/// own, where PyTorch's weight has its outputs first. They are read, not written.
/// </summary>
internal static partial class JaxVit
{
    private const string Anchor = "embedding/kernel", Block = "Transformer/encoderblock_";

    /// <summary>Whether these are such weights.</summary>
    public static bool Recognises(StateDict file) =>
        file.Weights.ContainsKey(Anchor) && file.Weights.Keys.Any(name => name.StartsWith(Block, StringComparison.Ordinal));

    /// <summary>The weights under timm's names and in PyTorch's layouts; what is unknown keeps its name, to be reported.</summary>
    /// <exception cref="InvalidDataException">A kernel has another number of axes than its name says, or a part of the attention is
    /// missing.</exception>
    public static StateDict ToTimm(StateDict file)
    {
        StateDict timm = new();
        foreach ((string name, StateDict.Weight weight) in file.Weights)
        {
            Match block = InBlock().Match(name);
            if (!block.Success) AddOutside(timm, name, weight);
            else AddInside(timm, file, name, weight, $"blocks.{block.Groups["i"].Value}", block.Groups["rest"].Value);
        }

        return timm;
    }

    private static void AddOutside(StateDict timm, string name, StateDict.Weight weight)
    {
        (string to, StateDict.Weight made) = name switch
        {
            "cls" => ("cls_token", weight),
            "Transformer/posembed_input/pos_embedding" => ("pos_embed", weight),
            Anchor => ("patch_embed.proj.weight", Transposed(name, weight, 3, 2, 0, 1)),       // [p, p, 3, C] → [C, 3, p, p]
            "embedding/bias" => ("patch_embed.proj.bias", weight),
            "Transformer/encoder_norm/scale" => ("norm.weight", weight),
            "Transformer/encoder_norm/bias" => ("norm.bias", weight),
            "pre_logits/kernel" => ("pre_logits.fc.weight", Transposed(name, weight, 1, 0)),
            "pre_logits/bias" => ("pre_logits.fc.bias", weight),
            "head/kernel" => ("head.weight", Transposed(name, weight, 1, 0)),
            "head/bias" => ("head.bias", weight),
            _ => (name, weight),
        };
        timm.Add(to, made);
    }

    private static void AddInside(StateDict timm, StateDict file, string name, StateDict.Weight weight, string block, string rest)
    {
        string stem = name[..^rest.Length];
        switch (rest)
        {
            case "LayerNorm_0/scale": timm.Add($"{block}.norm1.weight", weight); break;
            case "LayerNorm_0/bias": timm.Add($"{block}.norm1.bias", weight); break;
            case "LayerNorm_2/scale": timm.Add($"{block}.norm2.weight", weight); break;
            case "LayerNorm_2/bias": timm.Add($"{block}.norm2.bias", weight); break;
            case "MlpBlock_3/Dense_0/kernel": timm.Add($"{block}.mlp.fc1.weight", Transposed(name, weight, 1, 0)); break;
            case "MlpBlock_3/Dense_0/bias": timm.Add($"{block}.mlp.fc1.bias", weight); break;
            case "MlpBlock_3/Dense_1/kernel": timm.Add($"{block}.mlp.fc2.weight", Transposed(name, weight, 1, 0)); break;
            case "MlpBlock_3/Dense_1/bias": timm.Add($"{block}.mlp.fc2.bias", weight); break;
            // [h, D, C] → [C, h·D]
            case "MultiHeadDotProductAttention_1/out/kernel":
                timm.Add($"{block}.attn.proj.weight",
                Matrix(Transposed(name, weight, 2, 0, 1), rows: 1)); break;
            case "MultiHeadDotProductAttention_1/out/bias": timm.Add($"{block}.attn.proj.bias", weight); break;
            case "MultiHeadDotProductAttention_1/query/kernel": timm.Add($"{block}.attn.qkv.weight", Joined(file, stem, "kernel")); break;
            case "MultiHeadDotProductAttention_1/query/bias": timm.Add($"{block}.attn.qkv.bias", Joined(file, stem, "bias")); break;
            case "MultiHeadDotProductAttention_1/key/kernel" or "MultiHeadDotProductAttention_1/value/kernel": break;
            case "MultiHeadDotProductAttention_1/key/bias" or "MultiHeadDotProductAttention_1/value/bias": break;
            default: timm.Add(name, weight); break;
        }
    }

    /// <summary>Queries, keys and values, one below the other: kernels [C, h, D] → [3·h·D, C], biases [h, D] → [3·h·D].</summary>
    private static StateDict.Weight Joined(StateDict file, string stem, string kind)
    {
        StateDict.Weight[] parts = [.. new[] { "query", "key", "value" }.Select(Part)];
        if (parts.Any(part => part.Shape != parts[0].Shape))
            throw new InvalidDataException($"JAX weights: query, key and value of {stem} must have one shape, got "
                + $"{string.Join(", ", parts.Select(part => part.Shape))}.");
        int[] dims = parts[0].Shape.Dims.ToArray();
        dims[0] *= 3;
        int length = (int)parts[0].Shape.Length;
        return new StateDict.Weight(new Shape(dims), destination =>
        {
            for (int i = 0; i < 3; i++) parts[i].Read(destination.Slice(i * length, length));
        });

        StateDict.Weight Part(string which)
        {
            string name = $"{stem}MultiHeadDotProductAttention_1/{which}/{kind}";
            if (!file.Weights.TryGetValue(name, out StateDict.Weight? weight))
                throw new InvalidDataException($"JAX weights: {name} is missing.");
            return kind == "bias" ? Matrix(Checked(name, weight, 2), rows: 2) : Matrix(Transposed(name, weight, 1, 2, 0), rows: 2);
        }
    }

    /// <summary>The same numbers as [product of the first <paramref name="rows"/> axes, product of the rest], or as a vector when nothing
    /// is left.</summary>
    private static StateDict.Weight Matrix(StateDict.Weight weight, int rows)
    {
        int[] dims = weight.Shape.Dims.ToArray();
        int height = dims[..rows].Aggregate(1, (a, b) => a * b), width = dims[rows..].Aggregate(1, (a, b) => a * b);
        return new StateDict.Weight(rows == dims.Length ? new Shape(height) : new Shape(height, width), weight.Read);
    }

    private static StateDict.Weight Checked(string name, StateDict.Weight weight, int rank) =>
        weight.Shape.Rank == rank
            ? weight : throw new InvalidDataException($"JAX weights: {name} is {weight.Shape}, expected {rank} axes.");

    private static StateDict.Weight Transposed(string name, StateDict.Weight weight, params int[] order)
    {
        int[] from = Checked(name, weight, order.Length).Shape.Dims.ToArray();
        int[] to = [.. order.Select(axis => from[axis])];
        int[] steps = new int[from.Length];
        for (int axis = from.Length - 1, step = 1; axis >= 0; step *= from[axis--]) steps[axis] = step;
        return new StateDict.Weight(new Shape(to), destination =>
        {
            float[] source = weight.ToArray();
            int[] at = new int[to.Length];
            for (int i = 0; i < destination.Length; i++)
            {
                int offset = 0;
                for (int axis = 0; axis < at.Length; axis++) offset += at[axis] * steps[order[axis]];
                destination[i] = source[offset];
                for (int axis = at.Length - 1; axis >= 0 && ++at[axis] == to[axis]; axis--) at[axis] = 0;
            }
        });
    }

    [GeneratedRegex("^Transformer/encoderblock_(?<i>[0-9]{1,4})/(?<rest>.+)$", RegexOptions.CultureInvariant)]
    private static partial Regex InBlock();
}
