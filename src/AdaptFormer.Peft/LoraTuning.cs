using System.Text.Json.Serialization;
using AdaptFormer.Models;
using AdaptFormer.Models.Layers;
using AdaptFormer.Tensors;
using AdaptFormer.Tensors.Ops;

namespace AdaptFormer.Peft;

/// <summary>LoRA, arXiv:2106.09685: a low-rank matrix beside chosen linear layers of every block, W·x + (α/r)·B·A·x.</summary>
/// <param name="Rank">r, at least 1.</param>
/// <param name="Alpha">α; the factor on the product is α/r.</param>
/// <param name="Targets">
/// Which layers, separated by commas: <c>q</c>, <c>k</c>, <c>v</c> (each with matrices of its own), <c>qkv</c> (the fused projection as one
/// layer), <c>proj</c>, <c>fc1</c>, <c>fc2</c>.
/// </param>
/// <param name="Dropout">On the input of A in training, in [0, 1).</param>
/// <param name="Layers">Which blocks, counted from 1: <c>all</c>, <c>7-12</c>, <c>1,3,5-8</c>.</param>
/// <param name="Head">The classifier's form.</param>
/// <remarks>A starts as Kaiming uniform with a = √5 and B at zero, as in the authors' code.</remarks>
public sealed record LoraTuning(
    int Rank = 8, float Alpha = 8, string Targets = "q,v", float Dropout = 0, string Layers = "all",
    HeadKind Head = HeadKind.BatchNorm) : Tuning(Head)
{
    private static readonly string[] Slots = ["q", "k", "v"], Known = [.. Slots, "qkv", "proj", "fc1", "fc2"];

    /// <inheritdoc/>
    [JsonIgnore]
    protected internal override int? Width => Rank;

    /// <inheritdoc/>
    public override string Formula =>
        $"y = W·x + b + {Alpha / Rank:0.####}·B·A·{(Dropout > 0 ? $"Dropout_{Dropout:0.##}(x)" : "x")}, "
        + $"rank {Rank}, for {string.Join(", ", Chosen)}";

    private string[] Chosen => Targets.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);

    /// <inheritdoc/>
    public override void Validate(Backbone model)
    {
        List<string> faults = [];
        if (Rank < 1) faults.Add($"tuning.rank is {Rank}, expected at least 1");
        if (!float.IsFinite(Alpha)) faults.Add($"tuning.alpha is {Alpha}, expected a finite number");
        if (Dropout is < 0 or >= 1 or float.NaN) faults.Add($"tuning.dropout is {Dropout}, expected a number in [0, 1)");
        string[] chosen = Chosen;
        if (chosen.Length == 0 || chosen.Except(Known).Any() || chosen.Distinct().Count() != chosen.Length)
            faults.Add($"tuning.targets is '{Targets}', expected some of {string.Join(", ", Known)}, each once, separated by commas");
        else if (chosen.Contains("qkv") && chosen.Intersect(Slots).Any())
            faults.Add($"tuning.targets is '{Targets}': qkv is the whole projection of q, k and v, so name either it or some of them");
        if (LayerRange.Fault(Layers, model.Blocks.Count) is { } fault) faults.Add(fault);
        if (faults.Count > 0) throw new ArgumentException($"LoRA: {string.Join("; ", faults)}.");
    }

    /// <inheritdoc/>
    protected override void AddTo(Backbone model, Rng rng)
    {
        foreach (int i in LayerRange.Parse(Layers, model.Blocks.Count))
        {
            Block block = model.Blocks[i];
            Rng own = rng.Derive(i);
            int[] slots = [.. Slots.Index().Where(slot => Chosen.Contains(slot.Item)).Select(slot => slot.Index)];
            if (slots.Length > 0) Beside(block.Attn.Qkv, slots, block.Compute, own.Derive(0));
            ReadOnlySpan<(string Target, Linear Linear)> whole =
                [("qkv", block.Attn.Qkv), ("proj", block.Attn.Proj), ("fc1", block.Mlp.Fc1), ("fc2", block.Mlp.Fc2)];
            foreach ((string target, Linear linear) in whole)
            {
                if (Chosen.Contains(target)) Beside(linear, null, block.Compute, own.Derive(Array.IndexOf(Known, target)));
            }
        }
    }

    /// <inheritdoc/>
    protected override void Fold(Backbone model, MergedWeights merged)
    {
        foreach (Linear linear in model.Modules().OfType<Linear>().ToList())
        {
            if (linear.Delta.Attached is not LowRank lora) continue;
            merged.Change(linear.Weight, lora.AddProduct);
            merged.TakeOut(linear.Delta);
        }
    }

    private void Beside(Linear linear, int[]? slots, DataType compute, Rng rng) =>
        linear.Delta.Fill("lora", new LowRank(linear, this, slots, compute, rng)).Unfreeze();

    /// <summary>(α/r)·B·A·x, for a whole layer or for some thirds of a fused projection, whose matrices lie one below the
    /// other.</summary>
    private sealed class LowRank : LinearDelta
    {
        private readonly Parameter _a, _b;
        private readonly int[]? _slots;
        private readonly float _factor, _dropout;
        private readonly int _rank;
        private readonly DataType _compute;

        public LowRank(Linear linear, LoraTuning options, int[]? slots, DataType compute, Rng rng)
        {
            (_slots, _factor, _dropout, _rank, _compute) = (slots, options.Alpha / options.Rank, options.Dropout, options.Rank, compute);
            (int o, int i) = (linear.Weight.Shape[0], linear.Weight.Shape[1]);
            int parts = slots?.Length ?? 1, rows = slots is null ? o : o / Slots.Length;
            _a = Add("a", Initializers.KaimingUniform(rng, parts * _rank, i));
            _b = Add("b", Parameter.Zeros(parts * rows, _rank));
        }

        public override Tensor AddTo(Tensor y, Tensor x, float scale)
        {
            Tensor h = x.Dropout(_dropout).Linear(_a, null, _compute);                                                       // [..., P·r]
            return _slots is null
                ? h.Linear(_b, null, output: y.Type, residual: y.Give(), scale: scale * _factor)
                : h.LinearParts(_b, _slots, y.Give(), scale * _factor);
        }

        /// <summary>W += (α/r)·B·A.</summary>
        public void AddProduct(float[] weight)
        {
            int parts = _slots?.Length ?? 1, inputs = _a.Shape[1], rows = _b.Shape[0] / parts;
            float[] a = _a.ToArray(), b = _b.ToArray();
            for (int row = 0; row < parts * rows; row++)
            {
                int part = row / rows, target = (_slots is null ? 0 : _slots[part] * rows) + (row % rows);
                Span<float> to = weight.AsSpan(target * inputs, inputs);
                for (int k = 0; k < _rank; k++)
                {
                    float factor = _factor * b[(row * _rank) + k];
                    ReadOnlySpan<float> from = a.AsSpan(((part * _rank) + k) * inputs, inputs);
                    for (int j = 0; j < inputs; j++) to[j] += factor * from[j];
                }
            }
        }
    }
}
