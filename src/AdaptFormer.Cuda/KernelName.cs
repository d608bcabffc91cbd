namespace AdaptFormer.Cuda;

/// <summary>A kernel: the file of <c>Kernels</c> that it stands in, and its name there.</summary>
internal sealed class KernelName
{
    private static int _made;

    public KernelName(string file, string name) => (File, Name, Index) = (file, name, _made++);

    public string File { get; }

    public string Name { get; }

    /// <summary>Where a device keeps its handle.</summary>
    public int Index { get; }

    /// <summary>How many were made so far.</summary>
    public static int Made => _made;
}

/// <summary>All kernels.</summary>
internal static class KernelNames
{
    private const string Elementwise = "elementwise", Reductions = "reductions", Norms = "norms", Tokens = "tokens", Losses = "losses";
    private const string Attention = "attention";

    /// <summary>The files, without their ending.</summary>
    public static readonly string[] Files = [Elementwise, Reductions, Norms, Tokens, Losses, Attention];

    public static readonly KernelName Fill = new(Elementwise, "fill"), Scale = new(Elementwise, "scale"), Copy = new(Elementwise, "copy");
    public static readonly KernelName Add = new(Elementwise, "add"), AddInto = new(Elementwise, "add_into");
    public static readonly KernelName ScaleBy = new(Elementwise, "scale_by"), ScaleSlices = new(Elementwise, "scale_slices");
    public static readonly KernelName ScaleFeatures = new(Elementwise, "scale_features"), Multiply = new(Elementwise, "multiply");
    public static readonly KernelName AddBroadcast = new(Elementwise, "add_broadcast"), Lerp = new(Elementwise, "lerp");
    public static readonly KernelName InverseRoot = new(Elementwise, "inverse_root");
    public static readonly KernelName Activate = new(Elementwise, "activate"), ActivateBackward = new(Elementwise, "activate_backward");
    public static readonly KernelName FinishLinear = new(Elementwise, "finish_linear");
    public static readonly KernelName GeluCode = new(Elementwise, "gelu_code"), GeluCodeBackward = new(Elementwise, "gelu_code_backward");
    public static readonly KernelName Dropout = new(Elementwise, "dropout");
    public static readonly KernelName AdamStep = new(Elementwise, "adam_step"), SgdStep = new(Elementwise, "sgd_step");
    public static readonly KernelName NormalizePixels = new(Elementwise, "normalize_pixels");
    public static readonly KernelName Clip = new(Elementwise, "clip");

    public static readonly KernelName Reduce = new(Reductions, "reduce"), ReduceEnd = new(Reductions, "reduce_end");
    public static readonly KernelName ColumnSums = new(Reductions, "column_sums"), ColumnEnd = new(Reductions, "column_end");
    public static readonly KernelName ColumnMoments = new(Reductions, "column_moments");
    public static readonly KernelName NormalizeColumns = new(Reductions, "normalize_columns");
    public static readonly KernelName NormalizeColumnsBackward = new(Reductions, "normalize_columns_backward");
    public static readonly KernelName MeanTokens = new(Reductions, "mean_tokens"), MeanTokensBackward =
        new(Reductions, "mean_tokens_backward");

    public static readonly KernelName LayerNorm = new(Norms, "layer_norm"), LayerNormBackward = new(Norms, "layer_norm_backward");
    public static readonly KernelName Softmax = new(Norms, "softmax"), SoftmaxBackward = new(Norms, "softmax_backward");

    public static readonly KernelName CopyTokens = new(Tokens, "copy_tokens"), GatherTokens = new(Tokens, "gather_tokens");
    public static readonly KernelName ScatterTokens = new(Tokens, "scatter_tokens"), Permute = new(Tokens, "permute");
    public static readonly KernelName SumTaps = new(Tokens, "sum_taps"), SpreadTaps = new(Tokens, "spread_taps");
    public static readonly KernelName Depthwise = new(Tokens, "depthwise"), DepthwiseWeight = new(Tokens, "depthwise_weight");
    public static readonly KernelName MergePatches = new(Tokens, "merge_patches"), SplitPatches = new(Tokens, "split_patches");
    public static readonly KernelName IntoWindows = new(Tokens, "into_windows");
    public static readonly KernelName RelativeBias = new(Tokens, "relative_bias");
    public static readonly KernelName RelativeBiasBackward = new(Tokens, "relative_bias_backward");

    public static readonly KernelName CrossEntropy = new(Losses, "cross_entropy");
    public static readonly KernelName BinaryCrossEntropy = new(Losses, "binary_cross_entropy");
    public static readonly KernelName AsymmetricLoss = new(Losses, "asymmetric_loss");
    public static readonly KernelName AsymmetricSingleLabelLoss = new(Losses, "asymmetric_single_label_loss");

    public static readonly KernelName Attention32 = new(Attention, "attention_32"), Attention64 = new(Attention, "attention_64");
    public static readonly KernelName RowProducts32 = new(Attention, "row_products_32"), RowProducts64 = new(Attention, "row_products_64");
    public static readonly KernelName AttentionKeys32 = new(Attention, "attention_keys_32"), AttentionKeys64 =
        new(Attention, "attention_keys_64");
    public static readonly KernelName AttentionQueries32 = new(Attention, "attention_queries_32");
    public static readonly KernelName AttentionQueries64 = new(Attention, "attention_queries_64");

    /// <summary>How many there are: the last field, as these come to be in their order.</summary>
    public static readonly int Count = KernelName.Made;
}
