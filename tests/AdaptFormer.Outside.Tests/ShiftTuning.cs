using AdaptFormer.Models;
using AdaptFormer.Models.Layers;
using AdaptFormer.Peft;
using AdaptFormer.Tensors;
using AdaptFormer.Tensors.Ops;

namespace AdaptFormer.Outside.Tests;

/// <summary>A method: a learned vector is added to queries, keys and values of every block; merging puts it into their bias.</summary>
/// <param name="Start">What the vector starts at.</param>
/// <param name="Head">The classifier's form.</param>
public sealed record ShiftTuning(float Start = 0, HeadKind Head = HeadKind.BatchNorm) : Tuning(Head)
{
    public override string Formula => "qkv = W·x + b + s";

    public override void Validate(Backbone model)
    {
        if (!float.IsFinite(Start)) throw new ArgumentException($"Shift: start is {Start}, expected a number.");
    }

    protected override void AddTo(Backbone model, Rng rng)
    {
        foreach (Block block in model.Blocks) block.Attn.Qkv.After.Fill("shift", new Shift(3 * block.Dim, Start)).Unfreeze();
    }

    protected override void Fold(Backbone model, MergedWeights merged)
    {
        foreach (Linear qkv in model.Blocks.Select(block => block.Attn.Qkv))
        {
            if (qkv.After.Attached is not Shift shift) continue;
            float[] by = shift.By.ToArray();
            merged.Change(qkv.Bias!, bias =>
            {
                for (int i = 0; i < bias.Length; i++) bias[i] += by[i];
            });
            merged.TakeOut(qkv.After);
        }
    }

    private sealed class Shift : Layer
    {
        public Shift(int features, float start) => By = Add("by", Parameter.Full(new Shape(features), start));

        public Parameter By { get; }

        public override Tensor Forward(Tensor x) => x.ScaleFeatures(x.NewFull(By.Shape, 1), By);
    }
}
