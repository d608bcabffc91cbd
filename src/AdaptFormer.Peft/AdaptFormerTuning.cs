using System.Text.Json.Serialization;
using AdaptFormer.Models;
using AdaptFormer.Models.Layers;
using AdaptFormer.Tensors;

namespace AdaptFormer.Peft;

/// <summary>Where the adapter stands: paper Table 3b.</summary>
public enum AdapterPosition
{
    /// <summary>Beside the feed-forward branch, summed with it.</summary>
    Parallel,

    /// <summary>After the feed-forward branch, with a residual of its own.</summary>
    Sequential,
}

/// <summary>What a parallel adapter reads, and where a norm of its own stands.</summary>
public enum AdapterInput
{
    /// <summary>The un-normalised residual stream: the authors' code.</summary>
    Residual,

    /// <summary>The output of the block's own frozen norm: the paper's eq. (3).</summary>
    SharedNorm,

    /// <summary>A trainable LayerNorm of the adapter's own (ε 1e-5) at its input.</summary>
    OwnNormIn,

    /// <summary>A trainable LayerNorm of the adapter's own (ε 1e-5) at its output, after the scale.</summary>
    OwnNormOut,
}

/// <summary>The nonlinearity inside the bottleneck.</summary>
public enum AdapterActivation
{
    /// <summary>max(0, x): the paper.</summary>
    Relu,

    /// <summary>x·Φ(x).</summary>
    Gelu,

    /// <summary>None: a low-rank linear map.</summary>
    Identity,
}

/// <summary>How the down-projection starts; the up-projection and the biases start at zero.</summary>
public enum AdapterInit
{
    /// <summary>Kaiming uniform with a = √5: the authors' code.</summary>
    Lora,

    /// <summary>Kaiming normal: the paper's words.</summary>
    KaimingNormal,
}

/// <summary>
/// What the bottleneck is made of: paper Table 8. The paper names the forms and defines none of them; these are readings whose parameters
/// number as printed.
/// </summary>
[JsonConverter(typeof(SnakeCaseEnum<AdapterForm>))]
public enum AdapterForm
{
    /// <summary>Two linear maps: AdaptMLP.</summary>
    Mlp,

    /// <summary>
    /// A 3×3 convolution from C to M features over the grid of tokens in place of the down-projection: AdaptConv, with M = 14 in the
    /// table.
    /// </summary>
    Conv,

    /// <summary>A depthwise 3×3 convolution on the M features behind the down-projection: AdaptDepthwise-Conv.</summary>
    Dwconv,
}

/// <summary>AdaptFormer, arXiv:2205.13535: a bottleneck beside every feed-forward layer learns, the backbone stays frozen.</summary>
/// <param name="Bottleneck">M, the middle dimension, at least 1. 64 is the paper's choice.</param>
/// <param name="Scale">s, the factor on the adapter's output; its starting value when it is learned.</param>
/// <param name="LearnScale">Trains s, one number for each adapter.</param>
/// <param name="Position">Parallel or sequential.</param>
/// <param name="Input">What the adapter reads.</param>
/// <param name="Dropout">On the bottleneck in training, in [0, 1). 0.1 in the authors' image code; not in the paper.</param>
/// <param name="Activation">The nonlinearity.</param>
/// <param name="Bias">Whether both projections have a bias.</param>
/// <param name="Init">How the down-projection starts.</param>
/// <param name="Layers">Which blocks get an adapter, counted from 1: <c>all</c>, <c>7-12</c>, <c>1,3,5-8</c>.</param>
/// <param name="Head">The classifier's form.</param>
/// <param name="Form">
/// What the bottleneck is made of. Convolutions run over each frame's grid of patches; a class token is a picture of its own.
/// </param>
/// <remarks>Deviates from the paper's equation, which normalises the adapter's input: the authors' code feeds it the residual stream
/// itself, and they confirm that the code is right. The default follows the code; <see cref="Paper"/> follows the equation.</remarks>
public sealed record AdaptFormerTuning(
    int Bottleneck = 64,
    float Scale = 0.1f,
    bool LearnScale = false,
    AdapterPosition Position = AdapterPosition.Parallel,
    AdapterInput Input = AdapterInput.Residual,
    float Dropout = 0.1f,
    AdapterActivation Activation = AdapterActivation.Relu,
    bool Bias = true,
    AdapterInit Init = AdapterInit.Lora,
    string Layers = "all",
    HeadKind Head = HeadKind.BatchNorm,
    AdapterForm Form = AdapterForm.Mlp) : Tuning(Head)
{
    /// <summary>ε of the adapter's own norm (the backbone's is 1e-6).</summary>
    internal const float NormEps = 1e-5f;

    /// <summary>The authors' image code.</summary>
    public static AdaptFormerTuning OfficialImage { get; } = new();

    /// <summary>The authors' video code: no dropout in the adapter.</summary>
    public static AdaptFormerTuning OfficialVideo { get; } = new(Dropout: 0);

    /// <summary>The paper's equations (3) and (4): the block's own norm ahead of the adapter, Kaiming normal, no dropout.</summary>
    public static AdaptFormerTuning Paper { get; } = new(Input: AdapterInput.SharedNorm, Init: AdapterInit.KaimingNormal, Dropout: 0);

    /// <summary>As V-PETL Bench configures it: bottleneck 8, s = 1, a trainable norm at the input, plain head.</summary>
    public static AdaptFormerTuning Vpetl { get; } = new(Bottleneck: 8, Scale: 1, Input: AdapterInput.OwnNormIn, Head: HeadKind.Plain);

    /// <summary>As PETL-ViT configures it: bottleneck 32, no biases, plain head; its s is searched per task, 1 to start from.</summary>
    public static AdaptFormerTuning PetlVit { get; } = new(Bottleneck: 32, Scale: 1, Bias: false, Head: HeadKind.Plain);

    /// <summary>The presets by the names that recipes use.</summary>
    public static IReadOnlyDictionary<string, AdaptFormerTuning> Presets { get; } = new Dictionary<string, AdaptFormerTuning>
    {
        ["official-image"] = OfficialImage,
        ["official-video"] = OfficialVideo,
        ["paper"] = Paper,
        ["vpetl"] = Vpetl,
        ["petl-vit"] = PetlVit,
    };

    /// <inheritdoc/>
    [JsonIgnore]
    protected internal override int? Width => Bottleneck;

    /// <inheritdoc/>
    public override string Formula
    {
        get
        {
            string s = LearnScale ? $"s (learned, from {Scale:0.####})" : $"{Scale:0.####}";
            string argument = (Position, Input) switch
            {
                (AdapterPosition.Sequential, AdapterInput.OwnNormIn) => "LN'(f)",
                (AdapterPosition.Sequential, _) => "f",
                (_, AdapterInput.SharedNorm) => "LN(x)",
                (_, AdapterInput.OwnNormIn) => "LN'(x)",
                _ => "x",
            };
            string activation = Activation switch { AdapterActivation.Relu => "ReLU", AdapterActivation.Gelu => "GELU", _ => "" };
            string bias = Bias ? " + b_down" : "";
            string inner = Form switch
            {
                AdapterForm.Conv => $"Conv3×3({argument}){bias}",
                AdapterForm.Dwconv => $"DWConv3×3(W_down·{argument}{bias}){(Bias ? " + b_dw" : "")}",
                _ => $"W_down·{argument}{bias}",
            };
            (string drop, string close) = Dropout > 0 ? ($"Dropout_{Dropout:0.##}(", ")") : ("", "");
            string body = $"W_up·{drop}{activation}({inner}){close}{(Bias ? " + b_up" : "")}";
            string delta = $"{s}·({body})";
            if (Input == AdapterInput.OwnNormOut) delta = $"LN'({delta})";
            return Position == AdapterPosition.Parallel
                ? $"y = x + MLP(LN(x)) + {delta}"
                : $"f = MLP(LN(x)); y = x + f + {delta}";
        }
    }

    /// <inheritdoc/>
    public override string NothingToMerge =>
        "an adapter stays beside the feed-forward branch, with a nonlinearity and an input of its own, "
        + "so there is no weight that could take it up";

    /// <inheritdoc/>
    public override void Validate(Backbone model) => Validate(model, "AdaptFormer");

    /// <summary>Throws with everything that is wrong, in the name of the method that uses these adapters.</summary>
    internal void Validate(Backbone model, string method)
    {
        List<string> faults = [];
        if (Bottleneck < 1) faults.Add($"tuning.bottleneck is {Bottleneck}, expected at least 1");
        if (!float.IsFinite(Scale)) faults.Add($"tuning.scale is {Scale}, expected a finite number");
        if (Dropout is < 0 or >= 1 or float.NaN) faults.Add($"tuning.dropout is {Dropout}, expected a number in [0, 1)");
        if (Position == AdapterPosition.Sequential && Input == AdapterInput.SharedNorm)
            faults.Add("tuning.input shared_norm needs tuning.position parallel: a sequential adapter reads the branch's output");
        if (LayerRange.Fault(Layers, model.Blocks.Count) is { } fault) faults.Add(fault);
        if (Form != AdapterForm.Mlp && model.Blocks.Any(block => block.Grid.Count == 0))
            faults.Add($"tuning.form {(Form == AdapterForm.Conv ? "conv" : "dwconv")} needs tokens in a grid, which {model.Id} lacks");
        if (faults.Count > 0) throw new ArgumentException($"{method}: {string.Join("; ", faults)}.");
    }

    /// <inheritdoc/>
    protected override void AddTo(Backbone model, Rng rng)
    {
        foreach (int i in LayerRange.Parse(Layers, model.Blocks.Count))
        {
            Block block = model.Blocks[i];
            block.FfnDelta.Fill("adaptmlp", new Adapter(block, this, rng.Derive(i))).Unfreeze();
        }
    }
}
