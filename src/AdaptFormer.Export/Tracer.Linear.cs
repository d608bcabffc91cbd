using System.Runtime.InteropServices;
using AdaptFormer.Files;
using AdaptFormer.Tensors;
using AdaptFormer.Tensors.Backends;

namespace AdaptFormer.Export;

// Products and what is folded into their numbers.
internal sealed partial class Tracer
{
    private const string Scaled = "_scaled";        // of a weight's name: a factor went into it, it is not the checkpoint's any more
    private const float LargestCode = 127;
    private const byte ZeroCode = 128;

    private Traced Linear(LinearCall c)
    {
        Traced x = Value(c.X);
        bool plain = c.Epilogue == Epilogue.None;
        Weights weights = new(c.Weight, c.Bias, _names, Numbers);
        if (x.Columns is { } columns) (x, weights) = (columns.X, weights.Behind(columns.Factor, columns.Shift));
        if (plain && c.Scale != 1) weights = weights.Times([.. Enumerable.Repeat(c.Scale, weights.Outputs)], null, Scaled);
        Traced product = Product(x, weights, c.Y.Shape);
        if (plain && c.Residual is null) return product;

        return Node(c.Y, () =>
        {
            string f = c.Epilogue switch
            {
                Epilogue.Relu => Activated(ActivationKind.Relu, product.Name),
                Epilogue.Gelu => Activated(ActivationKind.Gelu, product.Name),
                _ => product.Name,
            };
            if (!plain) f = Times(f, c.Scale);
            return c.Residual is null ? f : Op("Add", Read(c.Residual), f);
        });
    }

    /// <summary>x + scale·(f(x·Downᵀ + b)·Upᵀ + c), the scale in the numbers of Up.</summary>
    private Traced AddBottleneck(AddBottlenecksCall c)
    {
        Traced x = Value(c.X);
        Bottleneck task = c.Runs.Single().Bottleneck!;          // a model is exported with one task
        Weights down = new(task.Down, task.DownBias, _names, Numbers), up = new(task.Up, task.UpBias, _names, Numbers);
        if (task.Scale != 1) up = up.Times([.. Enumerable.Repeat(task.Scale, up.Outputs)], null, Scaled);
        Shape hidden = c.X.Shape.WithLast(down.Outputs);
        return Node(c.Y, () =>
        {
            string h = Product(x, down, hidden).Name;
            if (task.Activation != Epilogue.None)
                h = Activated(task.Activation == Epilogue.Relu ? ActivationKind.Relu : ActivationKind.Gelu, h);
            return Op("Add", x.Name, Product(new Traced(hidden, () => h), up, c.Y.Shape).Name);
        });
    }

    private Traced Product(Traced x, Weights weights, Shape y)
    {
        string scope = weights.Layer;
        return new Traced(y, Write) { Rescale = (gamma, beta, suffix) => Product(x, weights.Times(gamma, beta, suffix), y) };

        string Write()
        {
            _graph.Scope = scope;
            if (x.Unfolded is { } patches && weights.Kernel.Length > 2) return Convolution(patches.Pixels, weights, y);
            string product = _storage == WeightStorage.Int8 && weights.IsBackbone ? Int8(x.Name, weights)
                : Op("MatMul", x.Name, Stored(weights.Name, weights.Transposed(), weights.Inputs, weights.Outputs));
            return weights.Bias is null ? product : Op("Add", product, _graph.Constant(weights.BiasName, weights.Bias, weights.Outputs));
        }
    }

    /// <summary>A weight matrix in the type in which the file keeps it, as the f32 value that products read.</summary>
    private string Stored(string name, float[] values, params long[] dims)
    {
        if (_storage != WeightStorage.Float16) return _graph.Constant(name, values, dims);
        Half[] halves = Array.ConvertAll(values, value => (Half)value);
        if (Array.Exists(halves, Half.IsInfinity))
            throw new InvalidDataException($"export: {name} holds numbers that 16-bit floats cannot: leave --float16 out.");
        string constant = _graph.Constant(name, OnnxElement.Float16, MemoryMarshal.AsBytes<Half>(halves), dims);
        return _graph.Node("Cast", [constant], new OnnxAttribute("to", (long)OnnxElement.Float32));
    }

    /// <summary>The patch embedding: [B, 3, H, W] → [B, C, H/p, W/p] → [B, N, C].</summary>
    private string Convolution(Traced pixels, Weights weights, Shape y)
    {
        long[] sides = [.. weights.Kernel[2..].Select(side => (long)side)];
        string kernel = Stored(weights.Name, weights.Matrix, [.. weights.Kernel.Select(dim => (long)dim)]);
        string[] bias = weights.Bias is null ? [] : [_graph.Constant(weights.BiasName, weights.Bias, weights.Outputs)];
        string map = _graph.Node("Conv", [pixels.Name, kernel, .. bias],
            new OnnxAttribute("kernel_shape", sides), new OnnxAttribute("strides", sides));
        string rows = Op("Reshape", map, _graph.Numbers(-1, y[2], y[1]));
        return _graph.Node("Transpose", [rows], new OnnxAttribute("perm", 0L, 2L, 1L));
    }

    /// <summary>x·Wᵀ with both in 8 bits: x by row, from −127 to 127 about a zero at 128, W by output.</summary>
    private string Int8(string x, Weights weights)
    {
        (float[] w, int inputs, int outputs) = (weights.Matrix, weights.Inputs, weights.Outputs);
        sbyte[] codes = new sbyte[w.Length];
        float[] steps = new float[outputs];
        for (int o = 0; o < outputs; o++)
        {
            float largest = 0;
            for (int i = 0; i < inputs; i++) largest = Math.Max(largest, Math.Abs(w[(o * inputs) + i]));
            steps[o] = largest == 0 ? 1 : largest / LargestCode;
            for (int i = 0; i < inputs; i++) codes[(i * outputs) + o] = (sbyte)MathF.Round(w[(o * inputs) + i] / steps[o]);
        }

        string largestOfRow = _graph.Opset >= 18
            ? _graph.Node("ReduceMax", [Op("Abs", x), _graph.Numbers(-1)], new OnnxAttribute("keepdims", 1L))
            : _graph.Node("ReduceMax", [Op("Abs", x)], new OnnxAttribute("axes", [-1L]), new OnnxAttribute("keepdims", 1L));
        string step = Op("Mul", Op("Max", largestOfRow, _graph.Scalar(1e-30f)), _graph.Scalar(1 / LargestCode));
        string code = Op("Add", Op("Round", Op("Div", x, step)), _graph.Scalar(ZeroCode));
        code = _graph.Node("Cast", [code], new OnnxAttribute("to", (long)OnnxElement.UInt8));
        string zero = _graph.Constant("/zero", OnnxElement.UInt8, [ZeroCode]);
        string weight = _graph.Constant($"{weights.Name}_int8", OnnxElement.Int8, MemoryMarshal.AsBytes<sbyte>(codes), inputs, outputs);
        string sum = _graph.Node("Cast", [Op("MatMulInteger", code, weight, zero)], new OnnxAttribute("to", (long)OnnxElement.Float32));
        return Op("Mul", Op("Mul", sum, step), _graph.Constant($"{weights.Name}_step", steps, outputs));
    }

    /// <summary>A layer's numbers under their names.</summary>
    private sealed class Weights
    {
        private Weights()
        {
        }

        public Weights(Tensor weight, Tensor? bias, WeightNames names, Func<Tensor, float[]> numbers)
        {
            Kernel = [.. weight.Shape];
            (Matrix, Bias) = (numbers(weight), bias is null ? null : numbers(bias));
            (Name, Layer) = (names.Of(weight, "/weight"), names.LayerOf(weight, ""));
            BiasName = bias is null ? $"{Layer}.bias" : names.Of(bias, Layer.Length > 0 ? $"{Layer}.bias" : "/bias");
            IsBackbone = weight.Shape.Rank == 2 && names.IsBackbone(weight);
        }

        /// <summary>W, [O, I].</summary>
        public float[] Matrix { get; private init; } = [];

        public float[]? Bias { get; private init; }

        /// <summary>Its axes as the model has them.</summary>
        public int[] Kernel { get; private init; } = [];

        public string Name { get; private init; } = "";

        public string BiasName { get; private init; } = "";

        /// <summary>The layer's name.</summary>
        public string Layer { get; private init; } = "";

        /// <summary>Whether it is a product of the plain backbone, and not a method's.</summary>
        public bool IsBackbone { get; private init; }

        public int Outputs => Kernel[0];

        public int Inputs => Matrix.Length / Outputs;

        /// <summary>γ∘(W·x + b) + β.</summary>
        public Weights Times(float[] gamma, float[]? beta, string suffix)
        {
            float[] matrix = [.. Matrix];
            for (int o = 0; o < Outputs; o++)
            {
                foreach (ref float value in matrix.AsSpan(o * Inputs, Inputs)) value *= gamma[o];
            }

            float[]? bias = Bias is null ? beta : [.. Bias.Select((value, o) => (gamma[o] * value) + (beta?[o] ?? 0))];
            return With(matrix, bias, Name + suffix, BiasName + suffix);
        }

        /// <summary>W·(factor∘x + shift) + b: a batch norm ahead. The authors call the layer behind it 1, plain heads have no
        /// number.</summary>
        public Weights Behind(float[] factor, float[] shift)
        {
            float[] matrix = [.. Matrix], bias = Bias is null ? new float[Outputs] : [.. Bias];
            for (int o = 0; o < Outputs; o++)
            {
                double sum = bias[o];
                for (int i = 0; i < Inputs; i++)
                {
                    ref float value = ref matrix[(o * Inputs) + i];
                    sum += (double)value * shift[i];
                    value *= factor[i];
                }

                bias[o] = (float)sum;
            }

            return With(matrix, bias, Name.Replace("head.1.", "head.", StringComparison.Ordinal),
                BiasName.Replace("head.1.", "head.", StringComparison.Ordinal));
        }

        /// <summary>Wᵀ, [I, O].</summary>
        public float[] Transposed()
        {
            (int inputs, int outputs) = (Inputs, Outputs);
            float[] to = new float[Matrix.Length];
            for (int o = 0; o < outputs; o++)
            {
                for (int i = 0; i < inputs; i++) to[(i * outputs) + o] = Matrix[(o * inputs) + i];
            }

            return to;
        }

        private Weights With(float[] matrix, float[]? bias, string name, string biasName) => new()
        {
            Matrix = matrix,
            Bias = bias,
            Kernel = Kernel,
            Name = name,
            BiasName = biasName,
            Layer = Layer,
            IsBackbone = IsBackbone,
        };
    }
}
